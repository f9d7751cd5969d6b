namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>A script, and what is known about it beforehand for one mode.</summary>
internal sealed record DifferentialScript
{
    /// <summary>For a failure message: the file, or the seed.</summary>
    public required string Name { get; init; }

    public required ScriptMode Mode { get; init; }

    public required byte[] Content { get; init; }

    /// <summary>What <c>:name</c> stands for.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>Files beside it, by their paths.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>Offset of the first byte that Heimdall refuses to run: then it runs nothing.</summary>
    public int? RefusedAt { get; init; }

    /// <summary>True if it makes what all databases of a server share: the two runs must not meet.</summary>
    public bool IsAlone { get; init; }

    /// <summary>Whether its first error is the end, where it sets that itself; null for its mode's.</summary>
    public bool? StopsItself { get; init; }

    public bool Stops => StopsItself ?? Mode != ScriptMode.Continue;

    /// <summary>All errors with the lines Heimdall should give, or null if they are left to psql.</summary>
    public IReadOnlyList<ScriptError>? Errors { get; init; }

    /// <summary>First and last line of each statement, copy data included; null if not known.</summary>
    public IReadOnlyList<(long First, long Last)>? StatementLines { get; init; }
}
