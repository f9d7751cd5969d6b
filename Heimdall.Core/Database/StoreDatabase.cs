using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Heimdall's own database. Its schema comes from the search path, so that every statement is a constant.</summary>
public sealed class StoreDatabase : IAsyncDisposable
{
    /// <summary>The longest that a statement of a few rows may take; then the peer is taken to have vanished.</summary>
    private const int CommandSeconds = 10;

    /// <summary>The longest that a statement for the gauges runs in the server.</summary>
    private const int CountSeconds = 3;

    /// <summary>
    /// So long a connection stays open that nobody needs. An idle process has few, and to open one again takes
    /// milliseconds; by default it is 5 minutes.
    /// </summary>
    private const int IdleSeconds = 30;

    /// <summary>
    /// A process that has vanished without a word must not hold its locks: by itself the server would wait for hours.
    /// </summary>
    private static readonly string[] VanishedPeer =
    [
        "idle_in_transaction_session_timeout = '15s'", "tcp_keepalives_idle = 5", "tcp_keepalives_interval = 5",
        "tcp_keepalives_count = 3",
    ];

    /// <summary>
    /// A plan that was made while a table was empty is kept, and must not read the whole of it when it is large. What is
    /// switched off counts as dear, and what is dear would be compiled, which takes seconds.
    /// </summary>
    private static readonly string[] ByKey =
        ["enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off", "jit = off"];

    /// <summary>
    /// The first of many in the order of an index: a bitmap reads all of them, and sorts. The plans are the same for all
    /// values, and to make one takes longer than the claim of a job.
    /// </summary>
    private static readonly string[] InOrder = ["enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"];

    /// <summary>
    /// What Hangfire writes follows from the jobs' rows, which are durable by then: what a crash of the store's server
    /// has lost of it is written again. So nothing waits for the flush to disk.
    /// </summary>
    private static readonly string[] NoFlush = ["synchronous_commit = off"];

    /// <summary>
    /// A count reads an index in its order and stops at a limit. It must neither sort all rows nor run for long in the
    /// server.
    /// </summary>
    private static readonly string[] Counted =
    [
        "enable_seqscan = off", "enable_bitmapscan = off", "enable_sort = off", "jit = off",
        $"statement_timeout = '{CountSeconds}s'",
    ];

    public StoreDatabase(string connectionString, string schema, string hangfireSchema, ConnectionLimits limits)
    {
        var builder = ConnectionStrings.ConnectionString.Parse(connectionString);
        builder.ApplicationName = "heimdall store";
        builder.MaxPoolSize = limits.Store;
        builder.MaxAutoPrepare = 50; // the same few statements for every job
        builder.Timeout = 5;         // seconds; a store that does not answer is reported, not waited for
        builder.KeepAlive = 5;       // seconds; finds a peer that vanished without a word
        builder.CommandTimeout = CommandSeconds;
        builder.CancellationTimeout = -1; // what is given up is given up: a peer that vanished answers no request to cancel either
        builder.Enlist = false;      // a transaction is joined by name, never by accident
        builder.NoResetOnClose = true; // nothing here changes a session beyond its transaction; a reset is seven statements
        builder.ConnectionIdleLifetime = IdleSeconds;
        builder.PersistSecurityInfo = false;
        Schema = schema;
        HangfireSchema = hangfireSchema;
        Limits = limits;
        var own = builder.ConnectionString;
        Address = new NpgsqlConnectionStringBuilder(own) { Password = null }.ConnectionString;
        string[] all = [$"search_path = {Quote(schema)}", .. VanishedPeer];
        DataSource = Build(builder, all);
        builder.ApplicationName = "heimdall lifeline";
        builder.MaxPoolSize = ConnectionLimits.Lifeline;
        builder.MaxAutoPrepare = 0;  // these are prepared by name: one that fails in the use that prepares it breaks its connection
        Lifeline = Build(builder, [.. all, .. ByKey]);
        builder.ApplicationName = "heimdall claims";
        builder.MaxPoolSize = ConnectionLimits.Claims;
        Claims = Build(builder, [.. all, .. ByKey, .. InOrder]);
        Gauges = Build(
            new NpgsqlConnectionStringBuilder(own)
            {
                ApplicationName = "heimdall gauges",
                MaxPoolSize = ConnectionLimits.Gauges,
                MaxAutoPrepare = 0,
                CommandTimeout = CountSeconds + 2, // the server ends a statement first
            },
            [.. all, .. Counted]);
        Migrations = Build(
            new NpgsqlConnectionStringBuilder(own)
            {
                ApplicationName = "heimdall migrations",
                Pooling = false,
                MaxAutoPrepare = 0,
            },
            all);
        Queue = Build(
            new NpgsqlConnectionStringBuilder(own)
            {
                ApplicationName = "heimdall queue",
                MaxPoolSize = limits.Queue - ConnectionLimits.Entries,
            },
            [.. VanishedPeer, .. NoFlush]);
        Entries = Build(
            new NpgsqlConnectionStringBuilder(own)
            {
                ApplicationName = "heimdall entries",
                MaxPoolSize = ConnectionLimits.Entries,
            },
            [.. VanishedPeer, .. NoFlush, .. ByKey]);
    }

    public NpgsqlDataSource DataSource { get; }

    /// <summary>
    /// For what running jobs depend on: their leases, their writes, the announcements to them. No list and no result
    /// read by a caller takes one of these connections. Every statement on them finds its rows by their keys.
    /// </summary>
    public NpgsqlDataSource Lifeline { get; }

    /// <summary>For statements that take jobs out of the queue, and no others.</summary>
    public NpgsqlDataSource Claims { get; }

    /// <summary>For the gauges. An exhausted pool of the others does not make the store look down.</summary>
    public NpgsqlDataSource Gauges { get; }

    /// <summary>For the migrations: each connection is a session of its own, which ends with what it holds.</summary>
    public NpgsqlDataSource Migrations { get; }

    /// <summary>For Hangfire's storage.</summary>
    public NpgsqlDataSource Queue { get; }

    /// <summary>For the states that Hangfire shows of jobs. Every statement finds its rows by their keys.</summary>
    public NpgsqlDataSource Entries { get; }

    /// <summary>Closes what is idle: where one connection was found dead, the others may be, and each would have to be waited for.</summary>
    public void DropIdle()
    {
        DataSource.Clear();
        Lifeline.Clear();
        Claims.Clear();
        Gauges.Clear();
        Queue.Clear();
        Entries.Clear();
    }

    public string Schema { get; }

    public string HangfireSchema { get; }

    public ConnectionLimits Limits { get; }

    /// <summary>How it is reached, without the password.</summary>
    internal string Address { get; }

    /// <summary>
    /// The settings are made by statements and not by options of the connection: a pooler of sessions takes few of those.
    /// All types here are built in. To list those that a server has is the dearest query of most sessions.
    /// </summary>
    /// <param name="builder">The address, the login and the pool.</param>
    /// <param name="settings">Of each session. One that the connection string's options name stays as they have it.</param>
    private static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder builder, IEnumerable<string> settings)
    {
        var options = builder.Options ?? "";
        var statements = string.Join(
            "; ",
            settings.Where(setting => !options.Contains(setting.Split(' ')[0], StringComparison.Ordinal))
                .Select(setting => $"set {setting}"));
        // In metrics and traces, which else show the connection string.
        var sources = new NpgsqlDataSourceBuilder(builder.ConnectionString) { Name = builder.ApplicationName };
        sources.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        sources.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(statements, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(statements, connection);
                await command.ExecuteNonQueryAsync();
            });
        return sources.Build();
    }

    internal static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await Lifeline.DisposeAsync();
        await Claims.DisposeAsync();
        await Gauges.DisposeAsync();
        await Migrations.DisposeAsync();
        await Queue.DisposeAsync();
        await Entries.DisposeAsync();
    }
}
