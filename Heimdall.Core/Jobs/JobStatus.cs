namespace Heimdall.Core.Jobs;

/// <summary>The states of a job; ARCHITECTURE.md has the picture. Written in capitals in JSON and in the store.</summary>
public enum JobStatus
{
    /// <summary>Being written down. No caller ever sees it: the row and its place in the queue are made in one transaction.</summary>
    New,

    /// <summary>Somebody else has to approve it before it gets into the queue.</summary>
    WaitingForApproval,

    /// <summary>In the queue.</summary>
    Accepted,

    Running,

    Succeeded,

    Failed,

    /// <summary>Asked to stop, and not yet known to have stopped. May still end SUCCEEDED, if that is what happened.</summary>
    Canceling,

    /// <summary>Stopped by its owner; nothing of it took effect, or so much as its mode allows.</summary>
    Canceled,

    /// <summary>Stopped by a deadline.</summary>
    Killed,

    /// <summary>One that only a newer version of Heimdall knows. Never written.</summary>
    Unknown,
}

public static class JobStatusNames
{
    private static readonly string[] Names = Array.ConvertAll(Enum.GetNames<JobStatus>(), ToWords);

    public static IReadOnlyList<string> All { get; } =
        [.. Enum.GetValues<JobStatus>().Where(status => status != JobStatus.Unknown).Select(ToName)];

    public static string ToName(this JobStatus status) => Names[(int)status];

    public static JobStatus Parse(string name) =>
        Array.FindIndex(Names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) is >= 0 and var index
            ? (JobStatus)index
            : JobStatus.Unknown;

    public static bool IsFinal(this JobStatus status) =>
        status is JobStatus.Succeeded or JobStatus.Failed or JobStatus.Canceled or JobStatus.Killed;

    /// <summary>Whether nobody has begun to run it, so that it can be stopped at once.</summary>
    public static bool IsUnstarted(this JobStatus status) =>
        status is JobStatus.Accepted or JobStatus.WaitingForApproval;

    /// <summary>The name of a status in the code, as it is written elsewhere: in capitals, with underscores.</summary>
    private static string ToWords(string name) => string.Concat(name.Index().Select(letter =>
        letter.Index > 0 && char.IsUpper(letter.Item) ? $"_{letter.Item}" : $"{letter.Item}")).ToUpperInvariant();
}
