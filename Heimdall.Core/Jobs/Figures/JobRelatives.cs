using Heimdall.Core.Database;

namespace Heimdall.Core.Jobs.Figures;

/// <summary>
/// What other jobs say of one: which run it again, which hooks it has no more, and how long it took before.
/// </summary>
public sealed class JobRelatives(StoreDatabase database)
{
    /// <summary>So many of the jobs that run one again are named.</summary>
    public const int MostRetries = 20;

    private const string RetriesSql = """
        select id, status, "user", command_id, cluster_id from job where retry_of = $1 order by id limit $2
        """;

    private const string HooksSql = """
        select distinct entry ->> 'hook'
        from job cross join lateral jsonb_array_elements(
            case jsonb_typeof(on_end) when 'array' then on_end else '[]' end) entry
        where id = $1 order by 1
        """;

    // The SQL itself is compared where the hash is not known yet. Only the newest jobs of the caller are looked at.
    private const string UsualSql = """
        select percentile_cont(0.5) within group (order by extract(epoch from finished_at - started_at))::float8, count(*)
        from (
            select * from job where "user" = $1 and finished_at is not null order by created_at desc, id desc limit 200) recent
        where status = 'SUCCEEDED' and id <> $2 and cluster_id = $3 and command_id = $4 and from_statement is null
            and case when $5::text is null then sha256 is not null and context ->> 'query' = $6 else sha256 = $5 end
        """;

    public async Task<IReadOnlyList<JobRetry>> FindRetriesAsync(
        Guid id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(RetriesSql);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = MostRetries });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var retries = new List<JobRetry>();
        while (await row.ReadAsync(cancellationToken))
        {
            retries.Add(new JobRetry(
                row.GetGuid(0), JobStatusNames.Parse(row.GetString(1)),
                new JobPlace(row.GetString(2), row.GetString(3), row.GetString(4))));
        }
        return retries;
    }

    /// <summary>The hooks of the job that one runs again which it does not have.</summary>
    public async Task<IReadOnlyList<string>> FindLeftHooksAsync(Job job, CancellationToken cancellationToken)
    {
        if (job.RetryOf is not { } old)
        {
            return [];
        }
        await using var command = database.DataSource.CreateCommand(HooksSql);
        command.Parameters.Add(new() { Value = old });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var hooks = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            hooks.Add(row.GetString(0));
        }
        return [.. hooks.Except(job.OnEnd.Select(hook => hook.Hook))];
    }

    /// <summary>How long the same SQL took there before, as the middle of those runs; null where it never ran.</summary>
    public async Task<UsualTime?> FindUsualTimeAsync(Job job, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(UsualSql);
        object[] values =
        [
            job.User, job.Id, job.ClusterId, job.CommandId, new JobParameters.OrNull<string>(job.Progress.Sha256),
            job.Context["query"]?.GetValue<string>() ?? "",
        ];
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) && !row.IsDBNull(0)
            ? new UsualTime(TimeSpan.FromSeconds(row.GetDouble(0)), row.GetInt64(1))
            : null;
    }
}

/// <summary>A job that runs another one again.</summary>
/// <param name="Id">Of this job.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Place">What decides who may see it: it is whose who asked for it.</param>
public sealed record JobRetry(Guid Id, JobStatus Status, JobPlace Place);

/// <summary>How long the same SQL usually takes.</summary>
/// <param name="Middle">Half of the earlier runs took no longer.</param>
/// <param name="Runs">How many there were.</param>
public sealed record UsualTime(TimeSpan Middle, long Runs);
