using System.Collections.Concurrent;
using System.IO.Compression;
using System.Reflection;

namespace Heimdall.SqlConsole;

/// <summary>
/// The files of the console: its page, modules and styles, and those of the editor. They are within this assembly, so
/// that whatever publishes or hosts it has them too.
/// </summary>
public static class ConsoleFiles
{
    private static readonly Assembly _home = typeof(ConsoleFiles).Assembly;
    private static readonly ConcurrentDictionary<string, byte[]> _compressed = new(StringComparer.Ordinal);

    /// <summary>
    /// Another one whenever any of the files is another: part of their addresses, so that browsers may keep them.
    /// </summary>
    public static string Version { get; } = _home.ManifestModule.ModuleVersionId.ToString("N")[..12];

    /// <summary>What stands within the frame of the page: HTML of ours.</summary>
    public static string ReadPage()
    {
        using var reader = new StreamReader(_home.GetManifestResourceStream("console.html")!);
        return reader.ReadToEnd();
    }

    /// <summary>A file by its name, such as <c>app.js</c>.</summary>
    /// <returns>Null where there is none.</returns>
    public static Stream? Open(string name) =>
        ContentTypeOf(name) is null ? null : _home.GetManifestResourceStream(name);

    /// <summary>The same in gzip, made once: the editor has three megabytes.</summary>
    public static byte[] OpenCompressed(string name) => _compressed.GetOrAdd(name, Compress);

    /// <returns>Null for what is no file of a page.</returns>
    public static string? ContentTypeOf(string name) => Path.GetExtension(name) switch
    {
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".ttf" => "font/ttf",
        _ => null,
    };

    private static byte[] Compress(string name)
    {
        using var compressed = new MemoryStream();
        using (var file = Open(name)!)
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            file.CopyTo(gzip);
        }
        return compressed.ToArray();
    }
}
