using Heimdall.Core.Catalog;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Records which hooks are told when new jobs end, in the transaction of their rows. Jobs without hooks, which are
/// most, pay nothing for it.
/// </summary>
internal static class EndHookStatement
{
    private const string Sql = """
        update job set on_end = told.on_end::jsonb from unnest($1, $2) as told (id, on_end)
        where job.id = told.id and job.on_end is null and job.finished_at is null
        """;

    /// <returns>Null when none of the jobs has hooks.</returns>
    public static NpgsqlBatchCommand? Of(IEnumerable<Job> jobs)
    {
        Job[] told = [.. jobs.Where(job => job.OnEnd.Count > 0).OrderBy(job => job.Id)];
        if (told.Length == 0)
        {
            return null;
        }
        var columns = new ColumnArrays<Job>(told);
        return new NpgsqlBatchCommand(Sql)
        {
            Parameters =
            {
                columns.Take(NpgsqlDbType.Uuid, job => job.Id),
                columns.Take(NpgsqlDbType.Text, job => EndHook.Write(job.OnEnd)),
            },
        };
    }
}
