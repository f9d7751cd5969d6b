using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
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
    /// Each time that this has passed, Npgsql closes as many connections of a pool as were idle at the median of its
    /// looks. Between two requests a connection is idle too: of a busy API, whose processors are the limit, two thirds
    /// are closed, and opened again at once while all wait. So it must be seldom.
    /// </summary>
    private const int IdleSeconds = 300;

    /// <summary>
    /// So many stay open in a pool that an idle process uses each second too. Npgsql closes what was idle whenever it
    /// looked, however often it was used in between.
    /// </summary>
    private const int KeptOpen = 1;

    /// <summary>
    /// A session can keep what its server or its login no longer has, such as default_transaction_read_only. None is
    /// older than this. After a problem that was noticed, all are renewed at once.
    /// </summary>
    private const int LongestLifeSeconds = 300;

    /// <summary>
    /// So long a host of several is not asked again that cannot be written, or that is dead: who opens a session then
    /// waits for it. A fail-over is seen after this at the latest.
    /// </summary>
    private const int HostRecheckSeconds = 10;

    /// <summary>So long one host may take to open a session.</summary>
    private const int OpenSeconds = 5;

    /// <summary>The same where there are others: a dead one takes all of it.</summary>
    private const int OpenSecondsOfSeveral = 2;

    /// <summary>The same for a look, which must ask all hosts before it is given up.</summary>
    private const int LookOpenSecondsOfSeveral = 1;

    /// <summary>
    /// Npgsql takes a host that is silent for dead only where it waits for the end of what it cancels, in milliseconds.
    /// With one host there is no other to use.
    /// </summary>
    private const int CancellationOfSeveral = 500;

    /// <summary>
    /// A look that is given up must end on the server too: its session would wait on for a lock, and each look has
    /// another one.
    /// </summary>
    private static readonly (string Name, string Value)[] Bounded =
        [("statement_timeout", "2s"), ("lock_timeout", "1s"), ("client_connection_check_interval", "1s")];

    /// <summary>
    /// A process that has vanished without a word must not hold its locks: by itself the server would wait for hours.
    /// </summary>
    private static readonly (string Name, string Value)[] VanishedPeer =
    [
        ("idle_in_transaction_session_timeout", "15s"), ("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ];

    /// <summary>
    /// A plan is the same for all values, and is made once: to make one takes as long as the statement itself. One that
    /// was made while a table was empty must not read the whole of it when it is large. What is switched off counts as
    /// dear, and what is dear would be compiled, which takes seconds.
    /// </summary>
    private static readonly (string Name, string Value)[] ByKey =
    [
        ("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off"),
        ("plan_cache_mode", "force_generic_plan"),
    ];

    /// <summary>The first of many in the order of an index: a bitmap reads all of them, and sorts.</summary>
    private static readonly (string Name, string Value)[] InOrder = [("enable_bitmapscan", "off")];

    /// <summary>
    /// What Hangfire writes follows from the jobs' rows, which are durable by then: what a crash of the store's server
    /// has lost of it is written again. So nothing waits for the flush to disk.
    /// </summary>
    private static readonly (string Name, string Value)[] NoFlush = [("synchronous_commit", "off")];

    /// <summary>
    /// All who use a table wait behind a migration that waits for it. It gives up after this, and is tried again.
    /// </summary>
    private static readonly (string Name, string Value) ShortLockWait = ("lock_timeout", "300ms");

    /// <summary>
    /// A count reads an index in its order and stops at a limit. It must neither sort all rows nor run for long in the
    /// server.
    /// </summary>
    private static readonly (string Name, string Value)[] Counted =
    [
        ("enable_seqscan", "off"), ("enable_bitmapscan", "off"), ("enable_sort", "off"), ("jit", "off"),
        ("statement_timeout", $"{CountSeconds}s"),
    ];

    /// <param name="connectionString">As in the configuration.</param>
    /// <param name="schema">Heimdall's.</param>
    /// <param name="hangfireSchema">Hangfire's.</param>
    /// <param name="limits">How many connections it may open.</param>
    /// <param name="logger">Hears of writes that wait for the store.</param>
    public StoreDatabase(
        string connectionString, string schema, string hangfireSchema, ConnectionLimits limits,
        ILogger<StoreRetry>? logger = null)
    {
        Retry = new StoreRetry(this, logger ?? NullLogger<StoreRetry>.Instance);
        var builder = ConnectionStrings.ConnectionString.Parse(connectionString);
        builder.ApplicationName = "heimdall store";
        builder.MaxPoolSize = limits.Store;
        builder.MaxAutoPrepare = 50; // the same few statements for every job
        var hasSeveral = builder.Host!.Contains(',', StringComparison.Ordinal);
        // A store that does not answer is reported, not waited for.
        builder.Timeout = hasSeveral ? OpenSecondsOfSeveral : OpenSeconds;
        builder.KeepAlive = 5;       // seconds; finds a peer that vanished without a word
        builder.CommandTimeout = CommandSeconds;
        // What is given up is given up: a peer that vanished answers no request to cancel either.
        builder.CancellationTimeout = hasSeveral ? CancellationOfSeveral : -1;
        builder.Enlist = false;      // a transaction is joined by name, never by accident
        builder.NoResetOnClose = true; // nothing here changes a session beyond its transaction; a reset is seven statements
        builder.ConnectionIdleLifetime = IdleSeconds;
        builder.ConnectionLifetime = LongestLifeSeconds;
        builder.HostRecheckSeconds = HostRecheckSeconds;
        builder.PersistSecurityInfo = false;
        Schema = schema;
        HangfireSchema = hangfireSchema;
        Limits = limits;
        var own = builder.ConnectionString;
        Address = new NpgsqlConnectionStringBuilder(own) { Password = null }.ConnectionString;
        (string, string)[] all = [("search_path", Quote(schema)), .. VanishedPeer];
        DataSource = Build(new NpgsqlConnectionStringBuilder(own) { MinPoolSize = KeptOpen }, all);
        builder.ApplicationName = "heimdall lifeline";
        builder.MaxPoolSize = ConnectionLimits.Lifeline;
        builder.MaxAutoPrepare = 0;  // these are prepared by name: one that fails in the use that prepares it breaks its connection
        Lifeline = Build(builder, [.. all, .. ByKey]);
        builder.ApplicationName = "heimdall claims";
        builder.MinPoolSize = KeptOpen;
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
        var single = new NpgsqlConnectionStringBuilder(own)
        {
            ApplicationName = "heimdall migrations",
            Pooling = false,
            MaxAutoPrepare = 0,
        };
        Migrations = Build(single, [.. all, ShortLockWait]);
        Looks = Build(
            new NpgsqlConnectionStringBuilder(single.ConnectionString)
            {
                ApplicationName = "heimdall looks",
                Timeout = hasSeveral ? LookOpenSecondsOfSeveral : OpenSeconds,
            },
            [.. all, .. Bounded]);
        Upkeep = Build(
            new NpgsqlConnectionStringBuilder(own)
            {
                ApplicationName = "heimdall keeper",
                KeepAlive = 0, // its owner asks something in each round, and learns of its end nowhere else
                Pooling = false,
                MaxAutoPrepare = 0,
            },
            [.. all, .. ByKey]);
        Queue = Build(
            new NpgsqlConnectionStringBuilder(own)
            {
                ApplicationName = "heimdall queue",
                MinPoolSize = KeptOpen,
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

    public StoreRetry Retry { get; }

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

    /// <summary>The same to look whether the store can be used.</summary>
    internal NpgsqlDataSource Looks { get; }

    /// <summary>For the session that makes one process the keeper: what it holds ends with it.</summary>
    public NpgsqlDataSource Upkeep { get; }

    /// <summary>For Hangfire's storage.</summary>
    public NpgsqlDataSource Queue { get; }

    /// <summary>For the states that Hangfire shows of jobs. Every statement finds its rows by their keys.</summary>
    public NpgsqlDataSource Entries { get; }

    /// <summary>
    /// Closes what is idle, and all else once it is given back: where one connection was found dead, the others may be,
    /// and each would have to be waited for.
    /// </summary>
    public void DropIdle()
    {
        DataSource.Clear();
        Lifeline.Clear();
        Claims.Clear();
        Gauges.Clear();
        Queue.Clear();
        Entries.Clear();
    }

    /// <summary>The same when a session may keep the problem that it had, although the store has it no more.</summary>
    public void DropIdleAfter(Exception problem)
    {
        if (StoreProblem.StaysInSession(problem))
        {
            DropIdle();
        }
    }

    public string Schema { get; }

    public string HangfireSchema { get; }

    public ConnectionLimits Limits { get; }

    /// <summary>How it is reached, without the password.</summary>
    internal string Address { get; }

    /// <summary>
    /// The settings are made by a statement and not by options of the connection: a pooler of sessions takes few of those.
    /// All types here are built in. To list those that a server has is the dearest query of most sessions.
    /// </summary>
    /// <param name="builder">The address, the login and the pool.</param>
    /// <param name="settings">Of each session. One that the connection string's options name stays as they have it.</param>
    private static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder builder, IEnumerable<(string Name, string Value)> settings)
    {
        var options = builder.Options ?? "";
        var made = settings
            .Where(setting => !options.Contains(setting.Name, StringComparison.Ordinal))
            .Select(setting => $"set_config('{setting.Name}', {Literal(setting.Value)}, false)");
        var statement = $"select {string.Join(", ", made)}"; // one, whose rows nobody reads
        // Of several hosts the one is taken that can be written: Heimdall writes in each of its sessions.
        var isChosen = builder.TargetSessionAttributes is not null || builder.Host!.Contains(',', StringComparison.Ordinal);
        var sources = new NpgsqlDataSourceBuilder(
            new NpgsqlConnectionStringBuilder(builder.ConnectionString) { TargetSessionAttributes = null }.ConnectionString)
        {
            Name = builder.ApplicationName, // in metrics and traces, which else show the connection string
        };
        sources.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        sources.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(statement, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(statement, connection);
                await command.ExecuteNonQueryAsync();
            });
        return isChosen
            ? sources.BuildMultiHost().WithTargetSession(TargetSessionAttributes.ReadWrite)
            : sources.Build();
    }

    private static string Literal(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";

    internal static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        await Lifeline.DisposeAsync();
        await Claims.DisposeAsync();
        await Gauges.DisposeAsync();
        await Migrations.DisposeAsync();
        await Looks.DisposeAsync();
        await Upkeep.DisposeAsync();
        await Queue.DisposeAsync();
        await Entries.DisposeAsync();
    }
}
