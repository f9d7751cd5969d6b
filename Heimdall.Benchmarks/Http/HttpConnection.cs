using System.Buffers.Text;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Http;

/// <summary>
/// A keep-alive connection that sends prepared bytes and keeps of a reply what tells whether it is right. It does as little as
/// possible, because what it does takes processor time from the server that is measured.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private const int TailLength = 1024;
    private static readonly byte[] _headEnd = "\r\n\r\n"u8.ToArray();
    private static readonly byte[] _lineEnd = "\r\n"u8.ToArray();

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly byte[] _tail = new byte[TailLength];
    private byte[] _contentType = [];
    private int _start;
    private int _end;
    private int _tailLength;
    private long _bytes;
    private long _lines;
    private long _firstByteAt;

    private HttpConnection(Socket socket) => _socket = socket;

    /// <summary>The value of Content-Type in the last reply.</summary>
    public string ContentType => Encoding.ASCII.GetString(_contentType);

    /// <summary>The end of the last reply's body: all of it, if it is short.</summary>
    public ReadOnlySpan<byte> Tail => _tail.AsSpan(0, _tailLength);

    public string TailText => Encoding.UTF8.GetString(Tail);

    private ReadOnlySpan<byte> Unread => _buffer.AsSpan(_start, _end - _start);

    public static async Task<HttpConnection> OpenAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            return new HttpConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request and reads the whole reply.</summary>
    /// <exception cref="BenchmarkException">The connection broke, or what came is no HTTP/1.1.</exception>
    public async ValueTask<HttpReply> ExchangeAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        (_bytes, _lines, _firstByteAt, _tailLength) = (0, 0, 0, 0);
        try
        {
            for (var sent = 0; sent < request.Length;)
            {
                sent += await _socket.SendAsync(request[sent..], cancellationToken);
            }
            var (status, length) = ParseHead(await FindAsync(_headEnd, cancellationToken));
            await (length is { } bytes ? TakeAsync(bytes, cancellationToken) : TakeChunksAsync(cancellationToken));
            return new HttpReply(status, _bytes, _lines, _firstByteAt);
        }
        catch (SocketException e)
        {
            throw new BenchmarkException($"The connection broke: {e.Message}", e);
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <returns>The length of what comes before a separator; the next thing to do is to step over both.</returns>
    private async ValueTask<int> FindAsync(byte[] separator, CancellationToken cancellationToken)
    {
        int length;
        while ((length = Unread.IndexOf(separator)) < 0)
        {
            await FillAsync(cancellationToken);
        }
        return length;
    }

    /// <returns>The status, and the body's length; null for chunks.</returns>
    private (int Status, long? Length) ParseHead(int headLength)
    {
        var head = Unread[..headLength];
        _start += headLength + _headEnd.Length;
        if (!head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head[9..], out int status, out _))
        {
            throw new BenchmarkException("The reply is not HTTP/1.1.");
        }
        long? length = null;
        foreach (var range in head.Split(_lineEnd))
        {
            var line = head[range];
            if (StartsWith(line, "Content-Length:"u8) && Utf8Parser.TryParse(line[15..].Trim((byte)' '), out long value, out _))
            {
                length = value;
            }
            else if (StartsWith(line, "Content-Type:"u8) && !line[13..].Trim((byte)' ').SequenceEqual(_contentType))
            {
                _contentType = line[13..].Trim((byte)' ').ToArray();
            }
        }
        return (status, length);
    }

    private static bool StartsWith(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.Length >= name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name);

    private async ValueTask TakeChunksAsync(CancellationToken cancellationToken)
    {
        int length;
        do
        {
            length = ParseChunkLength(await FindAsync(_lineEnd, cancellationToken));
            await TakeAsync(length, cancellationToken);
            _start += await FindAsync(_lineEnd, cancellationToken) + _lineEnd.Length; // no trailers are asked for
        }
        while (length > 0);
    }

    private int ParseChunkLength(int lineLength)
    {
        if (!Utf8Parser.TryParse(Unread[..lineLength], out int length, out _, 'x'))
        {
            throw new BenchmarkException("The reply has neither a length nor chunks.");
        }
        _start += lineLength + _lineEnd.Length;
        return length;
    }

    private async ValueTask TakeAsync(long count, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            if (_start == _end)
            {
                await FillAsync(cancellationToken);
            }
            var part = (int)Math.Min(count, _end - _start);
            Take(Unread[..part]);
            _start += part;
            count -= part;
        }
    }

    private void Take(ReadOnlySpan<byte> part)
    {
        if (_bytes == 0)
        {
            _firstByteAt = Stopwatch.GetTimestamp();
        }
        _bytes += part.Length;
        _lines += part.Count((byte)'\n');
        if (part.Length > TailLength)
        {
            part = part[^TailLength..];
        }
        var kept = Math.Min(_tailLength, TailLength - part.Length);
        _tail.AsSpan(_tailLength - kept, kept).CopyTo(_tail);
        part.CopyTo(_tail.AsSpan(kept));
        _tailLength = kept + part.Length;
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            Unread.CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        var received = await _socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
        if (received == 0)
        {
            throw new BenchmarkException("The reply broke off, or is too long in its head.");
        }
        _end += received;
    }
}
