namespace Heimdall.Tests.Chaos;

/// <summary>What became of the jobs of a round.</summary>
internal sealed record ChaosVerdict
{
    /// <summary>Submitted, whether answered or not.</summary>
    public int Jobs { get; init; }

    /// <summary>Submitted without an answer: they may be recorded, or not.</summary>
    public int Unanswered { get; init; }

    public int Succeeded { get; init; }

    public int Canceled { get; init; }

    public int Failed { get; init; }

    /// <summary>Of the failed, those of which Heimdall says that nobody can tell what became of them.</summary>
    public int Unknown { get; init; }

    /// <summary>Jobs that ran in more than one attempt.</summary>
    public int Resumed { get; init; }

    /// <summary>Taken with a 202, and not recorded.</summary>
    public int Lost { get; init; }

    /// <summary>Recorded twice, or with an effect that is there twice.</summary>
    public int Twice { get; init; }

    /// <summary>With an end that is not what is in the target.</summary>
    public int Lying { get; init; }

    /// <summary>Without an end.</summary>
    public int Stuck { get; init; }

    /// <summary>Started beyond the limit, or before the job that it had to wait for.</summary>
    public int Early { get; init; }

    /// <summary>Each of these, in words.</summary>
    public IReadOnlyList<string> Wrongs { get; init; } = [];

    public static ChaosVerdict operator +(ChaosVerdict a, ChaosVerdict b) => new()
    {
        Jobs = a.Jobs + b.Jobs,
        Unanswered = a.Unanswered + b.Unanswered,
        Succeeded = a.Succeeded + b.Succeeded,
        Canceled = a.Canceled + b.Canceled,
        Failed = a.Failed + b.Failed,
        Unknown = a.Unknown + b.Unknown,
        Resumed = a.Resumed + b.Resumed,
        Lost = a.Lost + b.Lost,
        Twice = a.Twice + b.Twice,
        Lying = a.Lying + b.Lying,
        Stuck = a.Stuck + b.Stuck,
        Early = a.Early + b.Early,
        Wrongs = [.. a.Wrongs, .. b.Wrongs],
    };

    public override string ToString() =>
        $"{Jobs} jobs ({Succeeded} succeeded, {Canceled} canceled, {Failed} failed, of which {Unknown} unknown; {Resumed} in several attempts, "
        + $"{Unanswered} without an answer): lost {Lost}, twice {Twice}, lying {Lying}, stuck {Stuck}, early {Early}";
}
