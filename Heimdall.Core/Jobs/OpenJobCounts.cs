using Heimdall.Core.Database;

namespace Heimdall.Core.Jobs;

/// <summary>How many jobs of each cluster are open. However long the history is, only the open ones are looked at.</summary>
public sealed class OpenJobCounts(StoreDatabase database)
{
    private const string CountSql = """
        select cluster_id, sum(running)::bigint, sum(queued)::bigint from (
            select cluster_id, count(*) as running, 0 as queued from job where status in ('RUNNING', 'CANCELING') group by cluster_id
            union all select cluster_id, 0, count(*) from job where status = 'ACCEPTED' group by cluster_id) open
        group by cluster_id
        """;

    /// <returns>By the id of the cluster; one without open jobs is absent.</returns>
    public async Task<IReadOnlyDictionary<string, OpenJobs>> ReadAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(CountSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var counts = new Dictionary<string, OpenJobs>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            counts[row.GetString(0)] = new OpenJobs(row.GetInt64(1), row.GetInt64(2));
        }
        return counts;
    }
}

/// <summary>Open jobs, counted.</summary>
public readonly record struct OpenJobs(long Running, long Queued);
