using System.IO.Enumeration;

namespace Heimdall.Core.Scripts;

/// <summary>A script as a list shows it.</summary>
/// <param name="Path">Below the directory of scripts.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="ModifiedAt">When it was changed last.</param>
/// <param name="Owner">Whose it is; null: it belongs to operators.</param>
public sealed record ScriptEntry(string Path, long Bytes, DateTime ModifiedAt, string? Owner = null);

/// <summary>The scripts that a job can name, in the order of their paths. No more than a page is in memory, however many there are.</summary>
public sealed class ScriptList(ScriptFolder folder, TimeProvider time)
{
    private static readonly EnumerationOptions Everything = new()
    {
        RecurseSubdirectories = true,
        IgnoreInaccessible = true,
        AttributesToSkip = 0, // names that begin with a dot count as hidden
    };

    private static readonly Comparer<ScriptEntry> ByPath = Comparer<ScriptEntry>.Create((one, other) => string.CompareOrdinal(one.Path, other.Path));

    /// <param name="prefix">What the paths begin with.</param>
    /// <param name="after">The last path of the page before, or an empty string.</param>
    /// <param name="limit">How many at most.</param>
    /// <exception cref="ScriptStorageException">The directory cannot be read.</exception>
    public (IReadOnlyList<ScriptEntry> Scripts, bool HasMore) Read(string prefix, string after, int limit)
    {
        var page = new SortedSet<ScriptEntry>(ByPath);
        try
        {
            foreach (var path in Candidates(prefix).Where(path => string.CompareOrdinal(path, after) > 0))
            {
                // What lies behind a page that is full already need not be looked at.
                if ((page.Count <= limit || string.CompareOrdinal(path, page.Max!.Path) < 0) && Describe(path) is { } script)
                {
                    page.Add(script);
                }
                if (page.Count > limit + 1) // one more than asked for tells that there are more
                {
                    page.Remove(page.Max!);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ScriptStorageException(e);
        }
        return ([.. page.Take(limit)], page.Count > limit);
    }

    /// <summary>The paths that look like a script's.</summary>
    private IEnumerable<string> Candidates(string prefix)
    {
        var root = folder.RealRoot();
        var now = time.GetUtcNow();
        foreach (var file in FilesBelow(root, prefix))
        {
            if (ScriptDraft.IsDraft(Path.GetFileName(file.AsSpan())))
            {
                ScriptDraft.RemoveIfForgotten(file, now);
            }
            else if (Path.GetRelativePath(root, file) is var path && path.StartsWith(prefix, StringComparison.Ordinal) && ScriptFolder.IsPath(path))
            {
                yield return path;
            }
        }
    }

    /// <summary>A link to a directory is not entered: what is behind it has a path of its own, or is outside.</summary>
    internal static FileSystemEnumerable<string> FilesBelow(string root, string prefix) =>
        new(root, (ref FileSystemEntry entry) => entry.ToFullPath(), Everything)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) =>
            {
                var directory = $"{Path.GetRelativePath(root, entry.ToFullPath())}/";
                return (entry.Attributes & FileAttributes.ReparsePoint) == 0
                    && (directory.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(directory, StringComparison.Ordinal));
            },
        };

    /// <summary>Null for what only looks like a script, and for one that has gone meanwhile.</summary>
    public ScriptEntry? Describe(string path) =>
        folder.Locate(path) is { Kind: ScriptPlaceKind.Script } place && new FileInfo(place.File) is { Exists: true } file
            ? new ScriptEntry(path, file.Length, file.LastWriteTimeUtc)
            : null;
}
