using Heimdall.Core.Jobs;

namespace Heimdall.Api.Live;

/// <summary>A line of a job's log.</summary>
internal sealed record LogLineView(string Line);

/// <summary>Where a job stands. What does not apply is absent.</summary>
internal sealed record JobStateView
{
    public required Guid Id { get; init; }

    public required string Status { get; init; }

    public int? Attempt { get; init; }

    public DateTime? StartedAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    public DateTime? RetryAt { get; init; }

    public string? Error { get; init; }

    public string? CanceledBy { get; init; }

    public static JobStateView Of(JobNews news) => new()
    {
        Id = news.Id,
        Status = news.State.Status.ToName(),
        Attempt = news.State.Attempt == 0 ? null : news.State.Attempt,
        StartedAt = news.State.StartedAt,
        FinishedAt = news.State.FinishedAt,
        RetryAt = news.State.RetryAt,
        Error = news.State.Error,
        CanceledBy = news.State.CanceledBy,
    };
}

/// <summary>How far a job has come: the fields of the job of these names.</summary>
internal sealed record ProgressView(
    long? Statements, long? StatementsTotal, long? BytesRead, long? BytesTotal, long? RowsAffected, long? RowCount, bool? Truncated)
{
    public ChildrenView? Children { get; init; }

    public static ProgressView Of(JobNews news)
    {
        var progress = news.Progress;
        return new(
            progress.Statements, progress.StatementsTotal, progress.BytesRead, progress.BytesTotal,
            progress.RowsAffected, progress.RowCount, progress.Truncated)
        {
            Children = ChildrenView.Of(news.FanOut),
        };
    }
}

/// <summary>How many children a parent has, and how many of them have ended, by how.</summary>
internal sealed record ChildrenView(int Total, int Ended, int Succeeded, int Failed, int Canceled, int Killed)
{
    /// <returns>Null for null.</returns>
    public static ChildrenView? Of(FanOut? fanOut) => fanOut is null
        ? null
        : new(fanOut.Total, fanOut.Ended, fanOut.Succeeded, fanOut.Failed, fanOut.Canceled, fanOut.Killed);
}
