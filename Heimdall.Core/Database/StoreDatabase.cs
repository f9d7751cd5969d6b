using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Heimdall's own database. Its schema comes from the search path, so that every statement is a constant.</summary>
public sealed class StoreDatabase : IAsyncDisposable
{
    /// <summary>The longest that a statement of a few rows may take; then the peer is taken to have vanished.</summary>
    private const int CommandSeconds = 10;

    public StoreDatabase(string connectionString, string schema, string hangfireSchema, ConnectionLimits limits)
    {
        var builder = ConnectionStrings.ConnectionString.Parse(connectionString);
        builder.SearchPath = schema;
        builder.ApplicationName = "heimdall store";
        builder.MaxPoolSize = limits.Store;
        builder.MaxAutoPrepare = 50; // the same few statements for every job
        builder.Timeout = 5;         // seconds; a store that does not answer is reported, not waited for
        builder.KeepAlive = 5;       // seconds; finds a peer that vanished without a word
        builder.CommandTimeout = CommandSeconds;
        builder.CancellationTimeout = -1; // what is given up is given up: a peer that vanished answers no request to cancel either
        builder.Enlist = false;      // a transaction is joined by name, never by accident
        builder.PersistSecurityInfo = false;
        Schema = schema;
        HangfireSchema = hangfireSchema;
        Limits = limits;
        ConnectionString = builder.ConnectionString;
        DataSource = NpgsqlDataSource.Create(builder);
    }

    public NpgsqlDataSource DataSource { get; }

    /// <summary>Closes what is idle: where one connection was found dead, the others may be, and each would have to be waited for.</summary>
    public void DropIdle() => DataSource.Clear();

    public string Schema { get; }

    public string HangfireSchema { get; }

    public ConnectionLimits Limits { get; }

    /// <summary>Holds the password: for Hangfire's storage and the migrations only.</summary>
    internal string ConnectionString { get; }

    public ValueTask DisposeAsync() => DataSource.DisposeAsync();
}
