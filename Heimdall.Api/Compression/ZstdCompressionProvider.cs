using Microsoft.AspNetCore.ResponseCompression;
using ZstdSharp;

namespace Heimdall.Api.Compression;

/// <summary><c>Content-Encoding: zstd</c> (RFC 8878), which the framework has no provider for. Its window stays below the 8 MiB that clients must take.</summary>
internal sealed class ZstdCompressionProvider : ICompressionProvider
{
    private const int Level = 1; // as fast as rows come

    public string EncodingName => "zstd";

    public bool SupportsFlush => true;

    public Stream CreateStream(Stream outputStream) => new CompressionStream(outputStream, Level, leaveOpen: true);
}
