namespace Heimdall.Core.Scripts;

/// <summary>Directories are made for the scripts in them. Without one, a directory would only stand in the way of a script of its name.</summary>
internal static class EmptyDirectories
{
    /// <summary>Removes a directory and those above it, up to the first with something in it; never the root.</summary>
    /// <param name="directory">Below the root, every link followed.</param>
    /// <param name="root">The directory of scripts, every link followed.</param>
    public static void Remove(string directory, string root)
    {
        try
        {
            for (; directory.Length > root.Length; directory = Path.GetDirectoryName(directory)!)
            {
                Directory.Delete(directory); // the system refuses one with something in it, so nothing can get lost in between
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not empty, not ours, or somebody else was faster.
        }
    }
}
