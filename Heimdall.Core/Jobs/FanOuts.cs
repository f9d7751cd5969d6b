using System.Data;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Parents and their children. A child that waits for its turn has its parent as a predecessor, so that nothing lets it
/// get in line before. A trigger of the <c>job</c> table records each end of a child in the transaction of that end.
/// </summary>
public sealed class FanOuts(StoreDatabase database)
{
    /// <summary>A condition: some parent does not know of the end of a child.</summary>
    internal const string HasNews = "exists (select from child_end)";

    private const int ParentsAtOnce = 100;

    internal const string FindSql =
        "select distinct parent_id from child_end where parent_id <> all($2) order by parent_id limit $1";

    private const string LockParentSql =
        "select fan_out::text, status, canceled_by from job where id = $1 for no key update";

    internal const string ReadChildrenSql = """
        select id, cluster_id, status, started_at is not null,
            exists (select from job_predecessor where job_id = job.id and predecessor_id = $1),
            error, error_kind, (errors -> 0)::text, statements, rows_affected, row_count, truncated,
            finished_at is not null
        from job where parent_id = $1 order by id
        """;

    private const string SummarizeSql = """
        select id, cluster_id, cluster_name, status, started_at, finished_at, left(error, 300), "user", command_id
        from job where parent_id = $1 order by id
        """;

    private const string FindPlacesSql = """
        select distinct parent_id, "user", command_id, cluster_id from job where parent_id = any($1)
        """;

    private const string ForgetSql = "delete from child_end where parent_id = $1 and job_id = any($2)";

    /// <summary>All children of a parent, in the order in which they begin.</summary>
    internal async Task<IReadOnlyList<Child>> ReadChildrenAsync(Guid parent, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ReadChildrenSql);
        command.Parameters.Add(new() { Value = parent });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await ReadChildrenAsync(row, cancellationToken);
    }

    /// <summary>The same for people, without what they were asked to do.</summary>
    public async Task<IReadOnlyList<ChildSummary>> SummarizeAsync(Guid parent, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SummarizeSql);
        command.Parameters.Add(new() { Value = parent });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var children = new List<ChildSummary>();
        while (await row.ReadAsync(cancellationToken))
        {
            children.Add(new ChildSummary(
                row.GetGuid(0), row.GetString(2), JobStatusNames.Parse(row.GetString(3)),
                row.IsDBNull(4) ? null : row.GetDateTime(4), row.IsDBNull(5) ? null : row.GetDateTime(5),
                row.IsDBNull(6) ? null : row.GetString(6),
                new JobPlace(row.GetString(7), row.GetString(8), row.GetString(1))));
        }
        return children;
    }

    /// <summary>What decides who may see the children of some parents.</summary>
    public async Task<IReadOnlyList<(Guid Parent, JobPlace Place)>> FindPlacesAsync(
        Guid[] parents, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindPlacesSql);
        command.Parameters.Add(new() { Value = parents });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var places = new List<(Guid, JobPlace)>();
        while (await row.ReadAsync(cancellationToken))
        {
            places.Add((row.GetGuid(0), new JobPlace(row.GetString(1), row.GetString(2), row.GetString(3))));
        }
        return places;
    }

    /// <summary>Parents that do not know of the end of a child: some of them.</summary>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <param name="except">Parents that are passed over.</param>
    public async Task<IReadOnlyList<Guid>> FindNewsAsync(
        CancellationToken cancellationToken, IReadOnlyCollection<Guid>? except = null)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = ParentsAtOnce });
        command.Parameters.Add(new() { Value = except?.ToArray() ?? [] });
        return await ReadIdsAsync(command, cancellationToken);
    }

    /// <summary>
    /// Has a parent know of the ends of its children: the next ones get in line, those that shall not run any more are
    /// cancelled, and after the last one the parent ends. All that is one transaction.
    /// </summary>
    public Task<FanOutNews> AdvanceAsync(Guid parent, CancellationToken cancellationToken) =>
        AdvanceAsync(parent, returned: null, cancellationToken);

    /// <summary>
    /// Puts back a child that was claimed and has not begun, as <see cref="WaitingJobs.ReturnAsync"/> does. Since its
    /// claim the others may have been stopped: in the same transaction it is stopped with them, before it is claimed
    /// again.
    /// </summary>
    internal Task<FanOutNews> ReturnAsync(
        Guid parent, Guid child, int attempt, bool isTakeOver, CancellationToken cancellationToken) =>
        AdvanceAsync(
            parent, JobParameters.ToStatement(JobTransitions.Return, child, attempt, isTakeOver), cancellationToken);

    private async Task<FanOutNews> AdvanceAsync(
        Guid parent, NpgsqlBatchCommand? returned, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction =
            await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        var (fanOut, canceledBy, children) = await ReadAsync(connection, parent, returned, cancellationToken);
        var ended = children.Where(child => child.HasEnded).Select(child => child.Id).ToArray();
        var news = new FanOutNews(null, []);
        if (fanOut is not null)
        {
            var step = FanOutStep.Of(parent, fanOut, children);
            IReadOnlyList<Guid> canceled = [];
            if (canceledBy is not null)
            {
                // An older version cancels the parent alone.
                step = step.ToCanceled();
                canceled = await CancelChildrenAsync(connection, parent, canceledBy, cancellationToken);
            }
            var stopped = await WriteAsync(connection, parent, step, cancellationToken);
            news = new FanOutNews(step.End, [.. canceled, .. stopped]);
        }
        await using var forget = new NpgsqlCommand(ForgetSql, connection)
        {
            Parameters = { new() { Value = parent }, new() { Value = ended } },
        };
        await forget.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return news;
    }

    // The lock is that of the predecessors: of a child that waits for its turn and for another job the last one lets it
    // get in line. The parent is locked before its children, as in a cancel of all of them.
    private static async Task<(FanOut? FanOut, string? CanceledBy, IReadOnlyList<Child> Children)> ReadAsync(
        NpgsqlConnection connection, Guid parent, NpgsqlBatchCommand? returned, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new(JobPredecessors.LockSql),
                JobParameters.ToStatement(LockParentSql, parent),
            },
        };
        if (returned is not null)
        {
            batch.BatchCommands.Add(returned);
        }
        batch.BatchCommands.Add(JobParameters.ToStatement(ReadChildrenSql, parent));
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        await row.NextResultAsync(cancellationToken);
        FanOut? fanOut = null;
        string? canceledBy = null;
        if (await row.ReadAsync(cancellationToken) && !row.IsDBNull(0))
        {
            fanOut = FanOut.Read(row.GetString(0));
            canceledBy = JobStatusNames.Parse(row.GetString(1)) != JobStatus.Canceling ? null
                : row.IsDBNull(2) ? ""
                : row.GetString(2);
        }
        await row.NextResultAsync(cancellationToken);
        return (fanOut, canceledBy, await ReadChildrenAsync(row, cancellationToken));
    }

    private static async Task<IReadOnlyList<Child>> ReadChildrenAsync(
        NpgsqlDataReader row, CancellationToken cancellationToken)
    {
        var children = new List<Child>();
        while (await row.ReadAsync(cancellationToken))
        {
            children.Add(Read(row));
        }
        return children;
    }

    private static Child Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        ClusterId = row.GetString(1),
        Status = JobStatusNames.Parse(row.GetString(2)),
        HasBegun = row.GetBoolean(3),
        IsHeld = row.GetBoolean(4),
        Failure = row.IsDBNull(5)
            ? null
            : JobRow.ToFailure(row.GetString(5), row.GetString(6), row.IsDBNull(7) ? null : $"[{row.GetString(7)}]"),
        Progress = new()
        {
            Statements = row.IsDBNull(8) ? null : row.GetInt64(8),
            RowsAffected = row.IsDBNull(9) ? null : row.GetInt64(9),
            RowCount = row.IsDBNull(10) ? null : row.GetInt64(10),
            Truncated = row.IsDBNull(11) ? null : row.GetBoolean(11),
        },
        HasEnded = row.GetBoolean(12),
    };

    /// <returns>Those that had not begun.</returns>
    private static async Task<IReadOnlyList<Guid>> CancelChildrenAsync(
        NpgsqlConnection connection, Guid parent, string canceledBy, CancellationToken cancellationToken)
    {
        var canceled = await JobStore.CancelAsync(connection, parent, canceledBy, cancellationToken);
        return [.. canceled.Where(one => one.Value.IsUnstarted()).Select(one => one.Key)];
    }

    /// <returns>The children that were stopped.</returns>
    private static async Task<IReadOnlyList<Guid>> WriteAsync(
        NpgsqlConnection connection, Guid parent, FanOutStep step, CancellationToken cancellationToken)
    {
        IReadOnlyList<Guid> stopped = [];
        if (step.Stopped.Count > 0)
        {
            await using var stop = new NpgsqlCommand(JobTransitions.StopChildren, connection)
            {
                Parameters = { new() { Value = step.Stopped.ToArray() }, new() { Value = step.StopReason } },
            };
            stopped = await ReadIdsAsync(stop, cancellationToken);
        }
        await using var batch = new NpgsqlBatch(connection);
        if (step.Released.Count > 0)
        {
            batch.BatchCommands.Add(JobParameters.ToStatement(
                JobTransitions.ReleaseChildren, step.Released.ToArray(), parent));
        }
        batch.BatchCommands.Add(JobParameters.ToStatement(
            JobTransitions.AdvanceParent,
            parent, new JobParameters.OrNull<string>(step.End?.ToName()), step.FanOut.ToJson(),
            new JobParameters.OrNull<string>(step.Failure?.Message),
            new JobParameters.OrNull<string>(step.Failure?.Kind.ToString()),
            new JobParameters.JsonText(JobRow.WriteErrors(step.Failure?.Errors)),
            new JobParameters.OrNull<long?>(step.Progress.Statements),
            new JobParameters.OrNull<long?>(step.Progress.RowsAffected),
            new JobParameters.OrNull<long?>(step.Progress.RowCount),
            new JobParameters.OrNull<bool?>(step.Progress.Truncated)));
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return stopped;
    }

    private static async Task<IReadOnlyList<Guid>> ReadIdsAsync(
        NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var ids = new List<Guid>();
        while (await row.ReadAsync(cancellationToken))
        {
            ids.Add(row.GetGuid(0));
        }
        return ids;
    }
}

/// <summary>What has become of a parent.</summary>
/// <param name="End">How it has ended; null: it has not.</param>
/// <param name="Stopped">Its children that were cancelled before they began.</param>
public sealed record FanOutNews(JobStatus? End, IReadOnlyList<Guid> Stopped);

/// <summary>A child, as people see it.</summary>
/// <param name="Id">Of the child.</param>
/// <param name="ClusterName">Where it runs.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Error">What it failed for, or the beginning.</param>
/// <param name="Place">What decides who may see it.</param>
public sealed record ChildSummary(
    Guid Id, string ClusterName, JobStatus Status, DateTime? StartedAt, DateTime? FinishedAt, string? Error,
    JobPlace Place);
