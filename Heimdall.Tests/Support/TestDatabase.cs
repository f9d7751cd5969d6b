using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>A fresh database on the tests' PostgreSQL server, gone when it is disposed.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private const string Default = "Host=127.0.0.1;Username=postgres;Database=postgres";

    /// <summary>Sessions that make and drop databases: each one that is begun costs as much as what it is for.</summary>
    private static readonly Lazy<NpgsqlDataSource> _onServer =
        new(() => Build($"{ServerConnectionString};MaxPoolSize=20;Application Name=heimdall tests"));

    private readonly NpgsqlDataSource _dataSource;
    private readonly string _server;

    private TestDatabase(string server, string name)
    {
        (_server, Name) = (server, name);
        ConnectionString = new NpgsqlConnectionStringBuilder(server) { Database = name, MaxPoolSize = 10 }.ConnectionString;
        _dataSource = Build(ConnectionString);
    }

    /// <summary>The server, at a database that is always there.</summary>
    public static string ServerConnectionString { get; } = Environment.GetEnvironmentVariable("HEIMDALL_TEST_DB") ?? Default;

    /// <summary>The port it listens on, which no reply may show.</summary>
    public static int ServerPort { get; } = new NpgsqlConnectionStringBuilder(ServerConnectionString).Port;

    public string Name { get; }

    public string ConnectionString { get; }

    /// <summary>A store as the first start of a program leaves it, with nothing in it.</summary>
    public static async Task<TestDatabase> CreateStoreAsync() =>
        await CreateAsync(ServerConnectionString, await StoreTemplate.NameAsync());

    /// <summary>An empty database.</summary>
    /// <param name="server">Where, if not on the tests' server.</param>
    public static Task<TestDatabase> CreateAsync(string? server = null) => CreateAsync(server ?? ServerConnectionString, "template0");

    private static async Task<TestDatabase> CreateAsync(string server, string template)
    {
        var name = $"heimdall_test_{Guid.NewGuid():N}";
        try
        {
            await OnServerAsync(server, connection => $"create database {name} template {template}{CopyingFiles(connection)}");
        }
        catch (Exception e) when (e is NpgsqlException and not PostgresException)
        {
            throw new InvalidOperationException(
                "The tests need a PostgreSQL server: run ./test.sh, which brings its own, or set HEIMDALL_TEST_DB to the connection string of a superuser.", e);
        }
        return new TestDatabase(server, name);
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteScalarAsync(cancellationToken) is T value
            ? value
            : throw new InvalidOperationException($"No {typeof(T).Name} came back from: {sql}");
    }

    /// <summary>The first column of all rows.</summary>
    public async Task<List<T>> ColumnAsync<T>(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var column = new List<T>();
        while (await row.ReadAsync(cancellationToken))
        {
            column.Add(row.GetFieldValue<T>(0));
        }
        return column;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Ends all sessions and lets nobody in, so that it can be copied.</summary>
    public Task CloseAsync() => OnServerAsync(_server, _ =>
        $"""
        alter database {Name} allow_connections false;
        select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{Name}'
        """);

    public async ValueTask DisposeAsync()
    {
        await _dataSource.DisposeAsync();
        await OnServerAsync(_server, _ => $"drop database {Name} with (force)");
    }

    /// <summary>PostgreSQL 15 logs each page instead, unless asked: more than twice the work.</summary>
    private static string CopyingFiles(NpgsqlConnection connection) => connection.PostgreSqlVersion.Major >= 15 ? " strategy file_copy" : "";

    private static async Task OnServerAsync(string server, Func<NpgsqlConnection, string> sql)
    {
        await using var other = server == ServerConnectionString ? null : Build($"{server};Pooling=false");
        await using var connection = await (other ?? _onServer.Value).OpenConnectionAsync();
        await using var command = new NpgsqlCommand(sql(connection), connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Without the types of the server, which tests do not need: to ask for them is most of the work of a session.</summary>
    private static NpgsqlDataSource Build(string connectionString)
    {
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        return builder.Build();
    }

    private NpgsqlCommand Command(string sql, object[] values)
    {
        var command = _dataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        return command;
    }
}
