using System.IO.Compression;
using System.Net;

namespace Heimdall.Client;

/// <summary>A stream that is packed as it is sent, from its beginning each time.</summary>
internal sealed class PackedContent : HttpContent
{
    private readonly Stream _stream;

    public PackedContent(Stream stream)
    {
        _stream = stream;
        Headers.ContentEncoding.Add("gzip");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        _stream.Position = 0;
        await using var packed = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true);
        await _stream.CopyToAsync(packed, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
