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
            var decoded = new DecodedBody(request.Body, decode, coding, limit);
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
    private sealed class DecodedBody : ReadOnlyBody
    {
        private readonly PackedBody _packed;
        private readonly Func<Stream, Stream> _decode;
        private readonly string _coding;
        private readonly IHttpMaxRequestBodySizeFeature? _limit;
        private Stream? _decoded;
        private long _length;
        private long _memberFrom;

        public DecodedBody(
            Stream packed, Func<Stream, Stream> decode, string coding, IHttpMaxRequestBodySizeFeature? limit)
        {
            (_packed, _decode, _coding, _limit) = (new PackedBody(packed, TakeMember), decode, coding, limit);
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                _decoded ??= _decode(_packed);
                var read = await _decoded.ReadAsync(buffer, cancellationToken);
                _length += read;
                // .NET does not miss the end of a member, and takes no notice of what follows the last one.
                if (read == 0 && buffer.Length > 0 && _decoded is GZipStream && !IsMember(_packed.LastNumber))
                {
                    throw new InvalidDataException("It breaks off.");
                }
                return _length > _limit?.MaxRequestBodySize
                    ? throw new BadHttpRequestException("The body is too large.", StatusCodes.Status413PayloadTooLarge)
                    : read;
            }
            catch (Exception e) when (e
                is InvalidDataException or InvalidOperationException or ZstdException or EndOfStreamException)
            {
                throw new UndecodableBodyException(_coding, e);
            }
        }

        /// <summary>
        /// Another gzip member may begin. Nothing more is read for as long as something of the one before is not given
        /// out: so it is one where the one before ends here.
        /// </summary>
        private void TakeMember(uint lastNumber)
        {
            if (IsMember(lastNumber))
            {
                _memberFrom = _length;
            }
        }

        /// <summary>A gzip member ends in the length of what it holds (RFC 1952, 2.3.1).</summary>
        private bool IsMember(uint lastNumber) => lastNumber == (uint)(_length - _memberFrom);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _decoded?.Dispose();
            }
            base.Dispose(disposing);
        }
    }

    /// <summary>
    /// A body as it comes, of which the last four bytes are known. It stops where a gzip member may begin: a file is a
    /// series of members (RFC 1952, 2.2).
    /// </summary>
    /// <param name="body">The body.</param>
    /// <param name="takeMember">Called there, with <see cref="LastNumber"/>.</param>
    private sealed class PackedBody(Stream body, Action<uint> takeMember) : ReadOnlyBody
    {
        private readonly byte[] _last = new byte[4];
        private readonly byte[] _ahead = new byte[8192];
        private int _from;
        private int _to;
        private bool _isOver;

        /// <summary>The last four bytes as a number, lowest byte first.</summary>
        public uint LastNumber => BinaryPrimitives.ReadUInt32LittleEndian(_last);

        private static ReadOnlySpan<byte> Head => [0x1f, 0x8b, 0x08];

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await FillAsync(cancellationToken);
            var read = Take(_ahead.AsSpan(_from.._to), buffer.Span);
            byte[] all = [.. _last, .. buffer.Span[Math.Max(0, read - _last.Length)..read]];
            all.AsSpan(all.Length - _last.Length).CopyTo(_last);
            _from += read;
            return read;
        }

        private async ValueTask FillAsync(CancellationToken cancellationToken)
        {
            while (_to - _from < Head.Length && !_isOver)
            {
                _ahead.AsSpan(_from.._to).CopyTo(_ahead);
                (_from, _to) = (0, _to - _from);
                var read = await body.ReadAsync(_ahead.AsMemory(_to), cancellationToken);
                _to += read;
                _isOver = read == 0;
            }
        }

        /// <returns>How much was taken: up to where the next member may begin.</returns>
        private int Take(ReadOnlySpan<byte> ahead, Span<byte> buffer)
        {
            if (ahead.StartsWith(Head))
            {
                takeMember(LastNumber);
            }
            var next = ahead.IsEmpty ? -1 : ahead[1..].IndexOf(Head);
            var sure = next >= 0 ? next + 1
                : _isOver ? ahead.Length
                : ahead.Length - (Head.Length - 1); // the rest may be the beginning of one
            var taken = Math.Min(sure, buffer.Length);
            ahead[..taken].CopyTo(buffer);
            return taken;
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
