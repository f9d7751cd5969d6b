using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Hosting;

/// <summary>Says at start how many connections this process may open to the store, beside what the server allows to all.</summary>
internal sealed partial class ConnectionBudget(
    StoreDatabase database, StoreReadiness readiness, ILogger<ConnectionBudget> logger) : BackgroundService
{
    private const string LimitSql =
        "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        var (total, store, queue) =
            (database.Limits.Total, database.Limits.Total - database.Limits.Queue, database.Limits.Queue);
        try
        {
            await using var command = database.DataSource.CreateCommand(LimitSql);
            var limit = (int)(await command.ExecuteScalarAsync(stoppingToken))!;
            LogBudget(total, store, queue, limit, limit / total);
            if (total > limit)
            {
                LogTooMany(total, limit);
            }
        }
        catch (NpgsqlException exception)
        {
            LogUnknown(total, exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Information,
        "Connection budget: at most {Total} to the store ({Store} for jobs and results, {Queue} for the queue); its server takes {Limit}, so {Processes} such processes fit")]
    private partial void LogBudget(int total, int store, int queue, int limit, int processes);

    [LoggerMessage(LogLevel.Error, "This process alone may open {Total} connections and the store's server takes {Limit}: raise max_connections or lower worker.concurrency")]
    private partial void LogTooMany(int total, int limit);

    [LoggerMessage(LogLevel.Warning, "Connection budget: at most {Total} to the store; what its server takes could not be read: {Reason}")]
    private partial void LogUnknown(int total, string reason);
}
