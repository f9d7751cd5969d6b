using System.Diagnostics;
using System.Transactions;
using Hangfire;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// Hangfire's stock storage with writes of our own: entries of new jobs, and states of entries whose jobs this process
/// has claimed, without lock rows. The README beside this file says why that is safe.
/// </summary>
public sealed partial class EntryStorage : JobStorage
{
    /// <summary>The version of Hangfire's schema that the statements here were written for.</summary>
    internal const int KnownVersion = 23;

    /// <summary>How long lock rows are taken after a server on the stock storage was seen.</summary>
    private static readonly TimeSpan StockServerTime = TimeSpan.FromSeconds(5);

    private readonly JobStorage _stock;
    private readonly Func<NpgsqlConnection, JobStorage> _stockOn;
    private readonly Func<NpgsqlConnection> _connection;
    private readonly StoreDatabase _database;
    private readonly ILogger _logger;
    private readonly string _markSql;
    private readonly string _versionSql;
    private long _stockServerSeen;
    private volatile bool _isAside;

    /// <param name="stock">The stock storage.</param>
    /// <param name="stockOn">The same as seen on one connection, within the transaction that is open there.</param>
    /// <param name="connection">Gives it one that is not open yet, and is not silent for ever.</param>
    /// <param name="lockLife">A lock row that is older is that of a dead process.</param>
    /// <param name="newEntries">Those of new jobs.</param>
    /// <param name="database">The store.</param>
    /// <param name="logger">The log.</param>
    internal EntryStorage(
        JobStorage stock, Func<NpgsqlConnection, JobStorage> stockOn, Func<NpgsqlConnection> connection, TimeSpan lockLife,
        NewEntries newEntries, StoreDatabase database, ILogger<EntryStorage> logger)
    {
        (_stock, _stockOn, _connection, NewEntries, _database, _logger) =
            (stock, stockOn, connection, newEntries, database, logger);
        Lock = new StoreLock(database.HangfireSchema, lockLife, connection);
        Entries = new EntryRows(database);
        Changes = new EntryWriter(database);
        var schema = database.HangfireSchema;
        _versionSql = $"""select max(version) from "{schema}".schema""";
        _markSql = $$"""
            update "{{schema}}".server set data = data || '{"{{EntryWriter.Mark}}": "{{KnownVersion}}"}' where id = $1
            """;
    }

    public override bool LinearizableReads => _stock.LinearizableReads;

    /// <summary>True where the stock storage does everything: its tables are not those that are known here.</summary>
    internal bool IsAside => _isAside;

    /// <summary>
    /// True while a server on the stock storage may live, which overwrites a state that was changed since it read it,
    /// unless it finds the entry's lock taken.
    /// </summary>
    internal bool MustLock => Volatile.Read(ref _stockServerSeen) is var seen and > 0
        && Stopwatch.GetElapsedTime(seen) < StockServerTime;

    internal StoreLock Lock { get; }

    internal EntryRows Entries { get; }

    internal EntryWriter Changes { get; }

    internal NewEntries NewEntries { get; }

    /// <param name="queue">Of Hangfire.</param>
    /// <returns>Whether it is the queue of our jobs, whose places are their own rows.</returns>
    internal bool IsJobsQueue(string queue) => queue.Equals(NewEntries.Queue, StringComparison.OrdinalIgnoreCase);

    public override IMonitoringApi GetMonitoringApi() => _stock.GetMonitoringApi();

    public override IStorageConnection GetConnection() =>
        _isAside ? _stock.GetConnection() : new EntryConnection(this, (JobStorageConnection)_stock.GetConnection());

    public override IStorageConnection GetReadOnlyConnection() => _stock.GetReadOnlyConnection();

    [Obsolete("Hangfire's server calls it.")]
    public override IEnumerable<IServerComponent> GetComponents() => _stock.GetComponents();

    public override IEnumerable<IBackgroundProcess> GetServerRequiredProcesses() => _stock.GetServerRequiredProcesses();

    public override IEnumerable<IBackgroundProcess> GetStorageWideProcesses() => _stock.GetStorageWideProcesses();

    public override IEnumerable<IStateHandler> GetStateHandlers() => _stock.GetStateHandlers();

    public override void WriteOptionsToLog(Hangfire.Logging.ILog logger) => _stock.WriteOptionsToLog(logger);

    public override bool HasFeature(string featureId) => _stock.HasFeature(featureId);

    public override string ToString() => _stock.ToString()!;

    /// <summary>
    /// Leaves everything to the stock storage where Hangfire's tables are not those that are known here. A newer
    /// process may change them at any time.
    /// </summary>
    internal async Task LookAtSchemaAsync(CancellationToken cancellationToken)
    {
        await using var connection = await _database.DataSource.OpenConnectionAsync(cancellationToken);
        await LookAtSchemaAsync(connection, cancellationToken);
    }

    /// <summary>The same on a connection that the caller has: one who waited for a second might wait for itself.</summary>
    internal async Task LookAtSchemaAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_versionSql, connection);
        Note(await command.ExecuteScalarAsync(cancellationToken) as int?);
    }

    /// <summary>A write was refused, or has failed: the next one may have to be made in another way.</summary>
    internal void LookAgain(bool hasStockServer)
    {
        if (hasStockServer)
        {
            Volatile.Write(ref _stockServerSeen, Stopwatch.GetTimestamp());
        }
        using var command = _database.DataSource.CreateCommand(_versionSql);
        Note(command.ExecuteScalar() as int?);
    }

    /// <summary>
    /// Writes on one connection, in one transaction, with the stock storage as seen there. The connection is of another
    /// pool than the one that holds a lock row meanwhile: many who have both would wait for each other.
    /// </summary>
    internal void InTransaction(Action<NpgsqlConnection, JobStorageConnection> write)
    {
        using var connection = _connection();
        connection.Open();
        using var transaction = new TransactionScope(
            TransactionScopeOption.RequiresNew,
            new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted });
        connection.EnlistTransaction(Transaction.Current);
        using (var stock = (JobStorageConnection)_stockOn(connection).GetConnection())
        {
            write(connection, stock);
        }
        transaction.Complete();
    }

    /// <summary>Announces a server, in one transaction with the mark that says that it uses this storage.</summary>
    internal void Announce(string serverId, ServerContext context) => InTransaction((connection, stock) =>
    {
        stock.AnnounceServer(serverId, context);
        using var command = new NpgsqlCommand(_markSql, connection) { Parameters = { new() { Value = serverId } } };
        command.ExecuteNonQuery();
    });

    private void Note(int? version)
    {
        var isAside = version != KnownVersion;
        if (isAside && !_isAside)
        {
            LogAside(_database.HangfireSchema, version, KnownVersion);
        }
        _isAside = isAside;
    }

    [LoggerMessage(
        LogLevel.Warning,
        "Hangfire's schema '{Schema}' has version {Version}, and queue.storage 'heimdall' knows version {Known} only: "
        + "this process uses Hangfire's stock storage")]
    private partial void LogAside(string schema, int? version, int known);
}
