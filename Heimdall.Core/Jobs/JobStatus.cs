namespace Heimdall.Core.Jobs;

/// <summary>The states of a job; ARCHITECTURE.md has the picture. Written in capitals in JSON and in the store.</summary>
public enum JobStatus
{
    /// <summary>Being written down. No caller ever sees it: the row and its place in the queue are made in one transaction.</summary>
    New,

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
    private static readonly string[] Names = Array.ConvertAll(Enum.GetNames<JobStatus>(), name => name.ToUpperInvariant());

    public static IReadOnlyList<string> All { get; } =
        [.. Enum.GetValues<JobStatus>().Where(status => status != JobStatus.Unknown).Select(ToName)];

    public static string ToName(this JobStatus status) => Names[(int)status];

    public static JobStatus Parse(string name) =>
        Enum.TryParse<JobStatus>(name, ignoreCase: true, out var status)
            && char.IsAsciiLetter(name[0]) && Enum.IsDefined(status)
                ? status
                : JobStatus.Unknown;

    public static bool IsFinal(this JobStatus status) =>
        status is JobStatus.Succeeded or JobStatus.Failed or JobStatus.Canceled or JobStatus.Killed;
}
