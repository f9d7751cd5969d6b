using System.Buffers;
using System.Text;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Scripts;

/// <summary>
/// The scripts that jobs may name. Nothing outside the directory can be reached: no absolute path, no <c>..</c>, no symbolic link that
/// leads out of it, nothing but regular files.
/// </summary>
public sealed class ScriptFolder(string path)
{
    private const string Extension = ".sql";
    private const int MostLinks = 40;    // as many as Linux follows
    private const int LongestPart = 255; // bytes, on nearly every file system
    private const int LongestName = 1000;
    private static readonly SearchValues<char> NeverInPath = SearchValues.Create(";\n\r'\"");

    private readonly string _root = Path.GetFullPath(path);

    /// <summary>
    /// A query is a path when, trimmed, it ends in <c>.sql</c> in any case and holds no semicolon, line break or quote: SQL that ends
    /// so would name a table <c>sql</c> in a schema, and can be written with a semicolon at its end.
    /// A backslash at its beginning makes it a command of psql's, such as <c>\i</c>.
    /// </summary>
    public static bool IsPath(string query)
    {
        var trimmed = query.AsSpan().Trim();
        return trimmed.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && !trimmed.ContainsAny(NeverInPath)
            && trimmed[0] != '\\';
    }

    /// <exception cref="JobRefusedException">There is no such script, or it may not be read.</exception>
    public FileStream Open(string query)
    {
        var place = Locate(query.Trim());
        try
        {
            return place.Kind switch
            {
                ScriptPlaceKind.Script => place.Open() ?? throw Refused(place.Name, "does not exist"),
                ScriptPlaceKind.Free => throw Refused(place.Name, "does not exist"),
                ScriptPlaceKind.Taken => throw Refused(place.Name, "is not a regular file"),
                ScriptPlaceKind.Outside => throw Refused(place.Name, "leads out of the directory"),
                _ => throw Refused(place.Name, "is not allowed"),
            };
        }
        catch (ScriptStorageException)
        {
            throw Refused(place.Name, "cannot be read");
        }
    }

    /// <summary>Opens a file that a script names, whatever its name ends in.</summary>
    /// <param name="path">With slashes, and without empty parts, <c>.</c> and <c>..</c>.</param>
    /// <exception cref="JobRefusedException">There is no such file, or it may not be read.</exception>
    public FileStream OpenFile(string path)
    {
        try
        {
            return Locate(path, IsAllowedFile(path)) switch
            {
                { Kind: ScriptPlaceKind.Script } place when place.Open() is { } file => file,
                { Kind: ScriptPlaceKind.Script or ScriptPlaceKind.Free } => throw RefusedFile(path, "does not exist"),
                { Kind: ScriptPlaceKind.Taken } => throw RefusedFile(path, "is not a regular file"),
                { Kind: ScriptPlaceKind.Outside } => throw RefusedFile(path, "leads out of the directory"),
                _ => throw RefusedFile(path, "is not allowed"),
            };
        }
        catch (ScriptStorageException)
        {
            throw RefusedFile(path, "cannot be read");
        }
    }

    /// <summary>Where a path leads. Nobody outside of this class joins a path to the directory.</summary>
    public ScriptPlace Locate(string name) => Locate(name, IsPath(name) && IsAllowedFile(name));

    private ScriptPlace Locate(string name, bool isAllowed)
    {
        if (!isAllowed)
        {
            return new ScriptPlace(ScriptPlaceKind.Forbidden, name, "", "");
        }

        var root = RealRoot();
        var (entry, at) = (root, root);
        foreach (var part in name.Split('/'))
        {
            if (File.Exists(at))
            {
                return new ScriptPlace(ScriptPlaceKind.Taken, name, at, entry); // a file where a directory would have to be
            }
            entry = Path.Combine(at, part);
            if (Follow(at, part) is not { } next || !next.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                return new ScriptPlace(ScriptPlaceKind.Outside, name, "", "");
            }
            at = next;
        }
        return new ScriptPlace(KindOf(at), name, at, entry);
    }

    /// <summary>The path of a place's file below the directory, every link followed.</summary>
    public string RealPathOf(ScriptPlace place) => Path.GetRelativePath(RealRoot(), place.File);

    /// <summary>The directory itself, every link followed.</summary>
    internal string RealRoot() => Follow(Path.GetPathRoot(_root)!, _root) ?? _root;

    private static bool IsAllowedFile(string name) =>
        name == name.Trim() && !name.Contains('\0') && !Path.IsPathRooted(name) && !name.Contains('\\')
        && Encoding.UTF8.GetByteCount(name) <= LongestName
        && name.Split('/').All(part => part is not (".." or "." or "") && Encoding.UTF8.GetByteCount(part) <= LongestPart);

    /// <summary>
    /// Pipes, sockets and devices have a size of zero, and opening a pipe would wait for its writer. .NET does not tell
    /// them from files, so an empty file is looked at more closely.
    /// </summary>
    private static ScriptPlaceKind KindOf(string file) => new FileInfo(file) switch
    {
        { Exists: true, Length: > 0 } => ScriptPlaceKind.Script,
        { Exists: true } when FileKind.IsRegular(file) => ScriptPlaceKind.Script,
        { Exists: true } => ScriptPlaceKind.Taken,
        _ => Directory.Exists(file) ? ScriptPlaceKind.Taken : ScriptPlaceKind.Free,
    };

    /// <summary>
    /// Where a path leads, seen from a directory without links: with the links within the targets of links followed too. Null when
    /// they go round in a circle.
    /// </summary>
    private static string? Follow(string directory, string path)
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
                return null;
            }
            at = Path.IsPathRooted(target) ? Path.GetPathRoot(target)! : at;
            foreach (var step in target.Split(Path.DirectorySeparatorChar).Reverse())
            {
                open.Push(step);
            }
        }
        return at;
    }

    private static JobRefusedException RefusedFile(string path, string why) =>
        new("query", $"The file {path} {why}; name a file below the configured sql_directory.");

    private static JobRefusedException Refused(string name, string why) =>
        new("query", $"The script {name} {why}; give the relative path of a .sql file under the configured sql_directory.");
}
