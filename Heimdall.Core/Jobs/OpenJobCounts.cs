using Heimdall.Core.Database;

namespace Heimdall.Core.Jobs;

/// <summary>How many jobs of each cluster are open. However long the history is, only the open ones are looked at.</summary>
public sealed class OpenJobCounts(StoreDatabase database)
{
    /// <param name="sight">The jobs that are counted.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>By the id of the cluster; one without open jobs is absent.</returns>
    public async Task<IReadOnlyDictionary<string, OpenJobs>> ReadAsync(
        JobSight sight, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand();
        var seen = sight.ToCondition(Parameter) is { } condition ? $" and {condition}" : "";
        command.CommandText = $"""
            select cluster_id, sum(running)::bigint, sum(queued)::bigint from (
                select cluster_id, count(*) as running, 0 as queued from job
                where status in ('RUNNING', 'CANCELING'){seen} group by cluster_id
                union all select cluster_id, 0, count(*) from job
                where status = 'ACCEPTED'{seen} group by cluster_id) open
            group by cluster_id
            """;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var counts = new Dictionary<string, OpenJobs>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            counts[row.GetString(0)] = new OpenJobs(row.GetInt64(1), row.GetInt64(2));
        }
        return counts;

        string Parameter(object value)
        {
            command.Parameters.Add(new() { Value = value });
            return $"${command.Parameters.Count}";
        }
    }
}

/// <summary>Open jobs, counted.</summary>
public readonly record struct OpenJobs(long Running, long Queued);
