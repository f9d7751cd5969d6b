namespace Heimdall.Core.Scripts;

/// <summary>What must be true of a script's place for a change to be made: hashes of its content, or <see cref="Any"/>.</summary>
/// <param name="Match">There must be a script, with one of these. Null: no such condition.</param>
/// <param name="NoneMatch">There must be no script with one of these. Null: no such condition.</param>
public sealed record ScriptCondition(IReadOnlyCollection<string>? Match, IReadOnlyCollection<string>? NoneMatch)
{
    public const string Any = "*";

    /// <summary>True when nothing may be replaced.</summary>
    public bool IsForNewOnly => NoneMatch?.Contains(Any) == true;

    internal async Task<bool> HoldsAsync(ScriptPlace place, CancellationToken cancellationToken)
    {
        if (Match is null && NoneMatch is null)
        {
            return true;
        }
        // A hash reads the whole file: only where one is asked for. What is there without one is like no hash.
        var asksForHash = (Match ?? []).Concat(NoneMatch ?? []).Any(hash => hash != Any);
        var current = asksForHash ? await place.HashAsync(cancellationToken) : File.Exists(place.File) ? "" : null;
        return (Match is null || IsAmong(current, Match)) && (NoneMatch is null || !IsAmong(current, NoneMatch));
    }

    private static bool IsAmong(string? current, IReadOnlyCollection<string> hashes) =>
        current is not null && (hashes.Contains(Any) || hashes.Contains(current));
}
