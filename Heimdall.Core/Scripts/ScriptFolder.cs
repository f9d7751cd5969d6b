using System.Buffers;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Scripts;

/// <summary>
/// The scripts that jobs may name. Nothing outside the directory can be reached: no absolute path, no <c>..</c>, no symbolic link that
/// leads out of it, nothing but regular files.
/// </summary>
public sealed class ScriptFolder(string path)
{
    private const string Extension = ".sql";
    private const int MostLinks = 40; // as many as Linux follows
    private static readonly SearchValues<char> NeverInPath = SearchValues.Create(";\n\r'\"");

    private static readonly FileStreamOptions Reading = new()
    {
        Access = FileAccess.Read,
        Share = FileShare.ReadWrite | FileShare.Delete,
        BufferSize = 0,
        Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
    };

    private readonly string _root = Path.GetFullPath(path);

    /// <summary>
    /// A query is a path when, trimmed, it ends in <c>.sql</c> in any case and holds no semicolon, line break or quote: SQL that ends
    /// so would name a table <c>sql</c> in a schema, and can be written with a semicolon at its end.
    /// </summary>
    public static bool IsPath(string query)
    {
        var trimmed = query.AsSpan().Trim();
        return trimmed.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && !trimmed.ContainsAny(NeverInPath);
    }

    /// <exception cref="JobRefusedException">There is no such script, or it may not be read.</exception>
    public FileStream Open(string query)
    {
        var name = query.Trim();
        var file = Resolve(name);
        try
        {
            return new FileStream(file, Reading);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(name, "cannot be read");
        }
    }

    /// <summary>The path with every link followed.</summary>
    private string Resolve(string name)
    {
        if (name.Contains('\0') || Path.IsPathRooted(name) || name.Contains('\\') || name.Split('/').Any(part => part is ".." or "." or ""))
        {
            throw Refused(name, "is not allowed");
        }

        try
        {
            var root = Follow(Path.GetPathRoot(_root)!, _root);
            var at = root;
            foreach (var part in name.Split('/'))
            {
                at = Follow(at, part);
                if (!at.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                {
                    throw Refused(name, "leads out of the directory");
                }
            }

            return HasBytes(at) ? at : throw Refused(name, File.Exists(at) ? "is empty or not a regular file" : "does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(name, "cannot be read");
        }
    }

    /// <summary>Where a path leads, seen from a directory without links: with the links within the targets of links followed too.</summary>
    private static string Follow(string directory, string path)
    {
        var at = directory;
        var open = new Stack<string>(path.Split(Path.DirectorySeparatorChar).Reverse());
        for (var links = 0; open.TryPop(out var part);)
        {
            var next = Path.GetFullPath(Path.Combine(at, part));
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                at = next;
                continue;
            }
            if (++links > MostLinks)
            {
                throw new IOException("The links go round in a circle.");
            }
            at = Path.IsPathRooted(target) ? Path.GetPathRoot(target)! : at;
            foreach (var step in target.Split(Path.DirectorySeparatorChar).Reverse())
            {
                open.Push(step);
            }
        }
        return at;
    }

    /// <summary>
    /// Pipes, sockets and devices have a size of zero. .NET does not tell them from files, and opening a pipe would wait for its writer,
    /// so a file must have something in it.
    /// </summary>
    private static bool HasBytes(string file) => new FileInfo(file) is { Exists: true, Length: > 0 };

    private static JobRefusedException Refused(string name, string why) =>
        new("query", $"The script {name} {why}; give the relative path of a .sql file under the configured sql_directory.");
}
