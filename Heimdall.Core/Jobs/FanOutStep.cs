using Heimdall.Core.Plugins;

namespace Heimdall.Core.Jobs;

/// <summary>
/// What follows for a parent and its children from how these stand: which get in line, which will never run, and how
/// the parent has ended.
/// </summary>
internal sealed record FanOutStep
{
    /// <summary>So many children are named in the parent's error.</summary>
    public const int MostNamed = 10;

    /// <summary>So many errors of children are told by their parent.</summary>
    public const int MostErrors = 100;

    private const int LongestError = 300;

    /// <summary>Children whose turn has come.</summary>
    public IReadOnlyList<Guid> Released { get; private init; } = [];

    /// <summary>Children that have not begun and never will.</summary>
    public IReadOnlyList<Guid> Stopped { get; private init; } = [];

    /// <summary>Why not.</summary>
    public string? StopReason { get; private init; }

    /// <summary>How the children have ended so far.</summary>
    public required FanOut FanOut { get; init; }

    /// <summary>How the parent has ended; null while a child has not.</summary>
    public JobStatus? End { get; private init; }

    /// <summary>What its children say of why they did not succeed.</summary>
    public JobFailure? Failure { get; private init; }

    /// <summary>All that the children have done.</summary>
    public JobProgress Progress { get; private init; } = new();

    /// <param name="parent">The parent's id.</param>
    /// <param name="asked">How its children are run.</param>
    /// <param name="children">All of them, in the order in which they begin.</param>
    public static FanOutStep Of(Guid parent, FanOut asked, IReadOnlyList<Child> children)
    {
        var step = new FanOutStep
        {
            FanOut = asked with
            {
                Total = children.Count,
                Succeeded = Count(JobStatus.Succeeded),
                Failed = children.Count(child => child.HasEnded
                    && child.Status is not (JobStatus.Succeeded or JobStatus.Canceled or JobStatus.Killed)),
                Canceled = Count(JobStatus.Canceled),
                Killed = Count(JobStatus.Killed),
            },
            Progress = new JobProgress
            {
                Statements = Sum(child => child.Progress.Statements),
                RowsAffected = Sum(child => child.Progress.RowsAffected),
                RowCount = Sum(child => child.Progress.RowCount),
                Truncated = children.Any(child => child.Progress.Truncated is not null)
                    ? children.Any(child => child.Progress.Truncated == true)
                    : null,
            },
        };
        if (step.FanOut.Ended == children.Count)
        {
            return step with { End = step.EndOf(), Failure = FailureOf(children) };
        }
        if (FindStopReason(parent, step.FanOut, children) is { } reason)
        {
            return step with
            {
                StopReason = reason,
                Stopped = [.. children.Where(child => child.IsWaiting && !child.HasBegun).Select(child => child.Id)],
            };
        }
        return step with { Released = [.. Release(step.FanOut, children)] };

        int Count(JobStatus status) => children.Count(child => child.Status == status);

        long? Sum(Func<Child, long?> number) => children.Any(child => number(child) is not null)
            ? children.Sum(number)
            : null;
    }

    /// <summary>The same where somebody has cancelled the parent: that decides what becomes of the others.</summary>
    public FanOutStep ToCanceled() => this with { Released = [], Stopped = [], StopReason = null };

    /// <summary>The worst of them, in the order of docs/guide/fan-out.md.</summary>
    private JobStatus EndOf() => FanOut switch
    {
        { Failed: > 0 } => JobStatus.Failed,
        { Killed: > 0 } => JobStatus.Killed,
        { Canceled: > 0 } => JobStatus.Canceled,
        _ => JobStatus.Succeeded,
    };

    private static string? FindStopReason(Guid parent, FanOut fanOut, IReadOnlyList<Child> children)
    {
        var canary = children.Take(fanOut.Canary ?? 0)
            .FirstOrDefault(child => child.HasEnded && child.Status != JobStatus.Succeeded);
        if (canary is not null)
        {
            return $"It never ran: its canary, job {canary.Id} on cluster '{canary.ClusterId}', ended "
                + $"{canary.Status.ToName()}.";
        }
        var failed = fanOut.Failed + fanOut.Killed;
        return failed >= fanOut.StopAfterFailures
            ? $"It never ran: of the children of job {parent}, {failed} have failed (stop_after_failures: "
                + $"{fanOut.StopAfterFailures})."
            : null;
    }

    private static IEnumerable<Guid> Release(FanOut fanOut, IReadOnlyList<Child> children)
    {
        var canaries = children.Take(fanOut.Canary ?? 0);
        var open = canaries.All(child => child.Status == JobStatus.Succeeded) ? children : [.. canaries];
        var busy = children.Count(child => !child.HasEnded && !child.IsHeld);
        return open.Where(child => child.IsHeld).Take(Math.Max(0, (fanOut.MaxParallel ?? children.Count) - busy))
            .Select(child => child.Id);
    }

    /// <returns>Null where no child says anything: all have succeeded, or somebody has cancelled the others.</returns>
    private static JobFailure? FailureOf(IReadOnlyList<Child> children)
    {
        // The worst first: its SQLSTATE is that of the parent.
        var bad = children.Where(child => child.Status != JobStatus.Succeeded).OrderBy(child => child.Status switch
        {
            JobStatus.Killed => 1,
            JobStatus.Canceled => 2,
            _ => 0,
        }).ToArray();
        if (bad.FirstOrDefault(child => child.Failure is not null) is not { } worst)
        {
            return null;
        }
        var named = bad.Take(MostNamed).Select(child => $"{child.ClusterId}: {child.Status.ToName()}"
            + (child.Failure is { } failure ? $", {Shorten(failure.ToLine())}" : ""));
        var more = bad.Length > MostNamed ? $"; and {bad.Length - MostNamed} more" : "";
        return new JobFailure
        {
            Kind = worst.Failure!.Kind,
            Message = $"{bad.Length} of {children.Count} children did not succeed. {string.Join("; ", named)}{more}",
            Errors = [.. bad.Where(child => child.Failure is not null).Take(MostErrors).Select(ErrorOf)],
        };
    }

    private static StatementError ErrorOf(Child child)
    {
        var error = child.Failure!.Errors.Count > 0
            ? child.Failure.Errors[0]
            : new StatementError { Message = child.Failure.Message };
        return error with { ClusterId = child.ClusterId };
    }

    private static string Shorten(string text)
    {
        if (text.Length <= LongestError)
        {
            return text;
        }
        // No half of a character: the store takes none.
        var end = char.IsHighSurrogate(text[LongestError - 2]) ? LongestError - 2 : LongestError - 1;
        return $"{text[..end].TrimEnd()}…";
    }
}

/// <summary>Where a child stands.</summary>
internal sealed record Child
{
    public required Guid Id { get; init; }

    public required string ClusterId { get; init; }

    public required JobStatus Status { get; init; }

    /// <summary>Also in a way that only a newer version knows: then it counts as FAILED.</summary>
    public required bool HasEnded { get; init; }

    /// <summary>Whether it has been started.</summary>
    public bool HasBegun { get; init; }

    /// <summary>Whether its turn has not come: it is not in line.</summary>
    public bool IsHeld { get; init; }

    /// <summary>With its first error.</summary>
    public JobFailure? Failure { get; init; }

    public JobProgress Progress { get; init; } = new();

    public bool IsWaiting => Status.IsUnstarted();
}
