using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>Records that this worker lives and which jobs it can run, so that a job that nobody can run is known.</summary>
internal sealed partial class WorkerPresence(
    StoreDatabase database, JobReach reach, StoreReadiness readiness, HeimdallConfig config, ILogger<WorkerPresence> logger)
    : BackgroundService
{
    private const string SeenSql = """
        with gone as (
            delete from worker where id in (
                select id from worker where seen_at < now() - interval '1 day' for update skip locked))
        insert into worker (id, name, clusters, commands, concurrency) values ($1, $2, $3, $4, $5)
        on conflict (id) do update set clusters = excluded.clusters, commands = excluded.commands, seen_at = now()
        """;

    private const string GoneSql = "delete from worker where id = $1";

    private readonly Guid _id = Guid.CreateVersion7();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(config.Worker.Lease);
        try
        {
            do
            {
                await TryAsync(
                    SeenSql, _id, RunnerName.OfThisProcess, reach.Clusters, reach.Commands, config.Worker.Concurrency);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        finally
        {
            await TryAsync(GoneSql, _id);
        }
    }

    private async Task TryAsync(string sql, params object[] values)
    {
        try
        {
            await using var command = database.DataSource.CreateCommand(sql);
            foreach (var value in values)
            {
                command.Parameters.Add(new() { Value = value });
            }
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (NpgsqlException exception)
        {
            LogNotRecorded(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "That this worker lives could not be recorded: {Reason}")]
    private partial void LogNotRecorded(string reason);
}
