using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Heimdall's own database. Its schema comes from the search path, so that every statement is a constant.</summary>
public sealed class StoreDatabase : IAsyncDisposable
{
    /// <summary>The longest that a statement of a few rows may take; then the peer is taken to have vanished.</summary>
    private const int CommandSeconds = 10;

    /// <summary>
    /// A process that has vanished without a word must not hold its locks: by itself the server would wait for hours. What is configured comes
    /// later and overrides these.
    /// </summary>
    private const string VanishedPeer =
        "-c idle_in_transaction_session_timeout=15s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3";

    /// <summary>
    /// A plan that was made while a table was empty is kept, and must not read the whole of it when it is large. What is
    /// switched off counts as dear, and what is dear would be compiled, which takes seconds.
    /// </summary>
    private const string ByKey = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

    /// <summary>
    /// The first of many in the order of an index: a bitmap reads all of them, and sorts. The plans are the same for all
    /// values, and to make one takes longer than the claim of a job.
    /// </summary>
    private const string InOrder = "-c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan";

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
        builder.Options = $"{VanishedPeer} {builder.Options}";
        builder.Enlist = false;      // a transaction is joined by name, never by accident
        builder.NoResetOnClose = true; // nothing here changes a session beyond its transaction; a reset is seven statements
        builder.PersistSecurityInfo = false;
        Schema = schema;
        HangfireSchema = hangfireSchema;
        Limits = limits;
        ConnectionString = builder.ConnectionString;
        DataSource = Build(builder);
        builder.ApplicationName = "heimdall lifeline";
        builder.MaxPoolSize = ConnectionLimits.Lifeline;
        builder.MaxAutoPrepare = 0;  // these are prepared by name: one that fails in the use that prepares it breaks its connection
        builder.Options = $"{builder.Options} {ByKey}";
        Lifeline = Build(builder);
        builder.ApplicationName = "heimdall claims";
        builder.MaxPoolSize = ConnectionLimits.Claims;
        builder.Options = $"{builder.Options} {InOrder}";
        Claims = Build(builder);
    }

    /// <summary>All types here are built in. To list those that a server has is the dearest query of most sessions.</summary>
    private static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder settings)
    {
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        return builder.Build();
    }

    public NpgsqlDataSource DataSource { get; }

    /// <summary>
    /// For what running jobs depend on: their leases, their writes, the announcements to them. No list and no result
    /// read by a caller takes one of these connections. Every statement on them finds its rows by their keys.
    /// </summary>
    public NpgsqlDataSource Lifeline { get; }

    /// <summary>For statements that take jobs out of the queue, and no others.</summary>
    public NpgsqlDataSource Claims { get; }

    /// <summary>Closes what is idle: where one connection was found dead, the others may be, and each would have to be waited for.</summary>
    public void DropIdle()
    {
        DataSource.Clear();
        Lifeline.Clear();
        Claims.Clear();
    }

    public string Schema { get; }

    public string HangfireSchema { get; }

    public ConnectionLimits Limits { get; }

    /// <summary>Holds the password: for Hangfire's storage and the migrations only.</summary>
    internal string ConnectionString { get; }

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await Lifeline.DisposeAsync();
        await Claims.DisposeAsync();
    }
}
