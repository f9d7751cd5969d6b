namespace Heimdall.Core.Scripts;

public enum ScriptChangeKind
{
    Created,
    Replaced,
    Deleted,

    /// <summary>Nothing was sent; an empty file is no script.</summary>
    Empty,

    TooLarge,

    /// <summary>With it, all scripts together would be larger than they may be.</summary>
    TotalTooLarge,

    /// <summary>The script is not, or no longer, as the caller took it to be.</summary>
    ConditionFailed,

    /// <summary>What is there, by now, is neither a script nor a place for one.</summary>
    Taken,

    /// <summary>There is nothing to delete.</summary>
    Missing,
}

/// <summary>What became of an attempt to change a script.</summary>
public sealed record ScriptChange(ScriptChangeKind Kind, long Bytes = 0, string Sha256 = "");
