using System.Buffers.Binary;
using System.IO.Compression;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using ZstdSharp;

namespace Heimdall.Api.Problems;

/// <summary>
/// <c>Content-Encoding</c> of requests (RFC 9110, 8.4): bodies are read as they were before they were packed, and no
/// limit on bodies is got round by packing them.
/// </summary>
internal static class RequestCoding
{
    // .NET takes a body in one of the others for whole when it breaks off.
    private const string Known = "gzip, zstd";

    public static void UseRequestCoding(this WebApplication app) => app.Use((context, next) =>
    {
        var request = context.Request;
        if (request.Headers.ContentEncoding.Count == 0)
        {
            return next(context);
        }
        var coding = request.Headers.ContentEncoding.ToString().Trim();
        if (!coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            if (FindDecoder(coding) is not { } decode)
            {
                return RefuseAsync(context);
            }
            var limit = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
            var decoded = new DecodedBody(new PackedBody(request.Body), decode, coding, limit);
            context.Response.RegisterForDispose(decoded);
            request.Body = decoded;
        }
        request.Headers.Remove(HeaderNames.ContentEncoding);
        return next(context);
    });

    private static Func<Stream, Stream>? FindDecoder(string coding) => coding.ToUpperInvariant() switch
    {
        "GZIP" or "X-GZIP" => body => new GZipStream(body, CompressionMode.Decompress),
        "ZSTD" => body => new DecompressionStream(body),
        _ => null,
    };

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.AcceptEncoding = Known;
        return Problem.Of(
            StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type",
            "The body is packed in a way that is not known.",
            $"Content-Encoding must be one of {Known}, and only one.").ExecuteAsync(context);
    }

    /// <summary>
    /// A body while it is unpacked. It may become as long as one that is not packed, and no longer. Nothing is unpacked
    /// for a caller whose body is not read.
    /// </summary>
    private sealed class DecodedBody(
        PackedBody packed, Func<Stream, Stream> decode, string coding, IHttpMaxRequestBodySizeFeature? limit)
        : ReadOnlyBody
    {
        private Stream? _decoded;
        private long _length;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                _decoded ??= decode(packed);
                var read = await _decoded.ReadAsync(buffer, cancellationToken);
                _length += read;
                // A gzip member ends in the length of what it holds (RFC 1952). .NET does not miss the end of one.
                if (read == 0 && buffer.Length > 0 && _decoded is GZipStream && packed.LastNumber != (uint)_length)
                {
                    throw new InvalidDataException("It breaks off.");
                }
                return _length > limit?.MaxRequestBodySize
                    ? throw new BadHttpRequestException("The body is too large.", StatusCodes.Status413PayloadTooLarge)
                    : read;
            }
            catch (Exception e) when (e
                is InvalidDataException or InvalidOperationException or ZstdException or EndOfStreamException)
            {
                throw new UndecodableBodyException(coding, e);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _decoded?.Dispose();
            }
            base.Dispose(disposing);
        }
    }

    /// <summary>A body as it comes, of which the last four bytes are known.</summary>
    private sealed class PackedBody(Stream body) : ReadOnlyBody
    {
        private readonly byte[] _last = new byte[4];

        /// <summary>The last four bytes as a number, lowest byte first.</summary>
        public uint LastNumber => BinaryPrimitives.ReadUInt32LittleEndian(_last);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            byte[] all = [.. _last, .. buffer.Span[Math.Max(0, read - _last.Length)..read]];
            all.AsSpan(all.Length - _last.Length).CopyTo(_last);
            return read;
        }
    }

    /// <summary>A stream that is read to its end, and nothing else.</summary>
    private abstract class ReadOnlyBody : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public abstract override ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>A body is not what its <c>Content-Encoding</c> says.</summary>
internal sealed class UndecodableBodyException(string coding, Exception cause)
    : Exception($"The body is not {coding}.", cause)
{
    public string Coding => coding;
}
