using System.Diagnostics;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>The <c>idempotency_key</c> table. A key is written in the transaction that writes its jobs: there is none without them.</summary>
public sealed class IdempotencyStore(StoreDatabase database)
{
    private const int SweptAtOnce = 1000;

    // Two calls at one time: the lock is free again once the first has committed, and then its row is in the way. Nobody waits.
    private const string ClaimSql = """
        insert into idempotency_key ("user", key, fingerprint, job_ids)
        select $1, $2, $3, $4 where pg_try_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))
        on conflict ("user", key) do nothing
        """;

    private const string FindSql = $"""
        select {JobRow.Columns}, has_same_body
        from (
            select fingerprint = $3 as has_same_body, made.job_id, made.place
            from idempotency_key cross join unnest(job_ids) with ordinality as made (job_id, place)
            where "user" = $1 and key = $2) used
        join job on job.id = used.job_id order by place
        """;

    internal const string SweepSql = """
        delete from idempotency_key where ("user", key) in (
            select "user", key from idempotency_key where created_at < now() - $1
                and not exists (
                    select from job where id = any(job_ids)
                        and status in ('ACCEPTED', 'WAITING_FOR_APPROVAL', 'RUNNING', 'CANCELING'))
            order by created_at limit $2 for update skip locked)
        """;

    /// <returns>Null when nobody has used the key.</returns>
    public async Task<IdempotencyKeyUse?> FindAsync(IdempotencyKey key, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = key.User });
        command.Parameters.Add(new() { Value = key.Text });
        command.Parameters.Add(new() { Value = key.Fingerprint });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var hasSameBody = false;
        var jobs = new List<Job>();
        while (await row.ReadAsync(cancellationToken))
        {
            jobs.Add(JobRow.Read(row));
            hasSameBody = row.GetBoolean(row.FieldCount - 1);
        }
        return jobs.Count == 0 ? null : new IdempotencyKeyUse(hasSameBody, jobs);
    }

    /// <summary>Forgets keys that were used longer ago.</summary>
    /// <returns>How many they were.</returns>
    public async Task<long> SweepAsync(TimeSpan retention, CancellationToken cancellationToken)
    {
        var all = 0L;
        int swept;
        do
        {
            var begun = Stopwatch.GetTimestamp();
            await using var command = database.DataSource.CreateCommand(SweepSql);
            command.Parameters.Add(new() { Value = retention });
            command.Parameters.Add(new() { Value = SweptAtOnce });
            swept = await command.ExecuteNonQueryAsync(cancellationToken);
            all += swept;
            if (swept == SweptAtOnce)
            {
                await Task.Delay(Stopwatch.GetElapsedTime(begun), cancellationToken); // it works half of the time
            }
        }
        while (swept == SweptAtOnce);
        return all;
    }

    /// <summary>Takes a key for jobs that are written in the same transaction.</summary>
    /// <returns>False when it is taken, or being taken in this moment.</returns>
    internal static async Task<bool> ClaimAsync(
        NpgsqlConnection connection, IdempotencyKey key, IEnumerable<Guid> jobIds, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(ClaimSql, connection)
        {
            Parameters = { new() { Value = key.User }, new() { Value = key.Text }, new() { Value = key.Fingerprint }, new() { Value = jobIds.ToArray() } },
        };
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
