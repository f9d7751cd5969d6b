using System.Collections.Frozen;
using System.Security.Cryptography;
using Hangfire.Dashboard;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// Styles and scripts of our pages. Each has a hash of its content in its name, so that a browser may keep it and never
/// has an old one.
/// </summary>
internal static class PageFiles
{
    public const string KeptForever = "public, max-age=31536000, immutable";

    private const string Folder = "Heimdall.Api.Dashboard.Files";

    private static readonly FrozenDictionary<string, PageFile> _files =
        new[] { "frame.css", "heimdall.css", "heimdall.js" }.Select(Read).ToFrozenDictionary(file => file.Name);

    /// <summary>Where a page finds a file.</summary>
    public static string AddressOf(string name) => $"/sql/files/{_files[name].HashedName}";

    public static async Task SendAsync(DashboardContext context)
    {
        var response = context.GetHttpContext().Response;
        var asked = context.UriMatch.Groups["asset"].Value;
        if (_files.Values.FirstOrDefault(file => file.HashedName == asked) is not { } file)
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        response.ContentType = file.ContentType;
        response.Headers.CacheControl = KeptForever;
        response.ContentLength = file.Bytes.Length;
        await response.Body.WriteAsync(file.Bytes, context.Aborted());
    }

    private static PageFile Read(string name)
    {
        using var stream = typeof(PageFiles).Assembly.GetManifestResourceStream($"{Folder}.{name}")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 6));
        var (stem, kind) = (Path.GetFileNameWithoutExtension(name), Path.GetExtension(name));
        return new PageFile(name, $"{stem}-{hash}{kind}", kind == ".css" ? "text/css" : "text/javascript", bytes);
    }

    private sealed record PageFile(string Name, string HashedName, string ContentType, byte[] Bytes);
}
