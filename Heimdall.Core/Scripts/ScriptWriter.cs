namespace Heimdall.Core.Scripts;

/// <summary>Changes the directory of scripts. A script is replaced as a whole: a job that runs meanwhile goes on with what it has opened.</summary>
public sealed class ScriptWriter(ScriptFolder folder, TimeProvider time)
{
    private const int MostTries = 10;

    // Both hold for this process; among several, only that what must be new is new, which the file system sees to.
    // Between the look at a condition and the change nothing else may change the file. The look can take long: others go on.
    private readonly PathLocks _files = new();

    // Between the look at a place and the change nothing else may change the directories. Taken within the other, and never for long.
    private readonly Lock _directories = new();

    /// <summary>Bytes that all files of the directory may have together.</summary>
    public long MaxTotalBytes { get; init; } = long.MaxValue;

    /// <exception cref="ScriptStorageException">It cannot be written.</exception>
    public async Task<ScriptChange> WriteAsync(
        ScriptPlace place, Stream content, long maxBytes, ScriptCondition condition, CancellationToken cancellationToken)
    {
        if (!await condition.HoldsAsync(place, cancellationToken))
        {
            return new ScriptChange(ScriptChangeKind.ConditionFailed); // told before the content has travelled
        }
        await using var draft = ScriptDraft.Create(place.File, folder.RealRoot(), time.GetUtcNow());
        if (!await draft.FillAsync(content, maxBytes, cancellationToken))
        {
            return new ScriptChange(ScriptChangeKind.TooLarge);
        }
        if (draft.Bytes == 0)
        {
            return new ScriptChange(ScriptChangeKind.Empty);
        }
        return await ChangeAsync(place, condition, current => Publish(draft, current, mayReplace: !condition.IsForNewOnly), cancellationToken);
    }

    /// <summary>Deletes a script, and the directories that it leaves empty; of a link, the link.</summary>
    /// <exception cref="ScriptStorageException">It cannot be deleted.</exception>
    public Task<ScriptChange> DeleteAsync(ScriptPlace place, ScriptCondition condition, CancellationToken cancellationToken) =>
        ChangeAsync(place, condition, Delete, cancellationToken);

    private async Task<ScriptChange> ChangeAsync(
        ScriptPlace place, ScriptCondition condition, Func<ScriptPlace, ScriptChange> change, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var file = await _files.EnterAsync(place.File, cancellationToken); // of a link too, so that both names have one lock
            var current = folder.Locate(place.Name);
            if (!current.TakesScript)
            {
                return new ScriptChange(ScriptChangeKind.Taken);
            }
            if (current.File != place.File)
            {
                place = current; // a link has gone meanwhile, so this is the lock of another file
                continue;
            }
            if (!await condition.HoldsAsync(current, cancellationToken))
            {
                return new ScriptChange(ScriptChangeKind.ConditionFailed);
            }
            lock (_directories)
            {
                return change(current);
            }
        }
    }

    private ScriptChange Publish(ScriptDraft draft, ScriptPlace place, bool mayReplace)
    {
        for (var tries = 1; ; tries++)
        {
            if (!folder.Locate(place.Name).TakesScript) // somebody has put a script where a directory has to be, or the reverse
            {
                return new ScriptChange(ScriptChangeKind.Taken);
            }
            try
            {
                var replaced = new FileInfo(place.File);
                var grows = !replaced.Exists || draft.Bytes > replaced.Length;
                if (grows && TotalBytesWithout(place.File) > MaxTotalBytes)
                {
                    return new ScriptChange(ScriptChangeKind.TotalTooLarge);
                }
                var kind = replaced.Exists ? ScriptChangeKind.Replaced : ScriptChangeKind.Created;
                return draft.Publish(place.File, mayReplace)
                    ? new ScriptChange(kind, draft.Bytes, draft.Sha256)
                    : new ScriptChange(ScriptChangeKind.ConditionFailed);
            }
            catch (ScriptStorageException e) when (tries < MostTries && !e.IsFull)
            {
                // Another process may have removed the directory, or put something in the way, since the look at the place.
            }
        }
    }

    /// <summary>Of all files, the draft among them, without the one that it replaces.</summary>
    private long TotalBytesWithout(string replaced)
    {
        if (MaxTotalBytes == long.MaxValue)
        {
            return 0;
        }
        try
        {
            return ScriptList.FilesBelow(folder.RealRoot(), "")
                .Where(file => file != replaced)
                .Sum(file => new FileInfo(file) is { Exists: true, LinkTarget: null } found ? found.Length : 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ScriptStorageException(e);
        }
    }

    private ScriptChange Delete(ScriptPlace place)
    {
        try
        {
            if (!File.Exists(place.Entry))
            {
                return new ScriptChange(ScriptChangeKind.Missing);
            }
            File.Delete(place.Entry);
            EmptyDirectories.Remove(Path.GetDirectoryName(place.Entry)!, folder.RealRoot());
            return new ScriptChange(ScriptChangeKind.Deleted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ScriptStorageException(e);
        }
    }
}
