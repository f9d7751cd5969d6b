using System.Buffers.Binary;
using System.Text;

namespace Heimdall.Plugins.Postgres.Wire;

// COPY: the server asks for data, and may refuse it at any time.
internal sealed partial class Pipeline
{
    private const int CopyHeader = 5;

    private byte[]? _copyBuffer;
    private int _copyLength;
    private bool _hasAskedForData;

    /// <summary>Whether somebody waits for the server to ask for data. If not, its asking is the session's end: it would wait for ever.</summary>
    public bool ExpectsCopy { get; set; }

    /// <summary>Whether the server waits for COPY data.</summary>
    public bool WantsCopyData { get; private set; }

    /// <summary>Whether the data it waits for is in the binary format.</summary>
    public bool WantsBinary { get; private set; }

    /// <summary>Sends what has been gathered and waits until the server asks for COPY data, or all is answered.</summary>
    /// <returns>
    /// True when it has asked for data, even if it has refused them since: they are data all the same, and no statements.
    /// </returns>
    public async ValueTask<bool> WaitForCopyAsync()
    {
        AddSyncIfNeeded();
        await SendAsync();
        await UntilAsync(() => _hasAskedForData || !_isReading);
        lock (_lock)
        {
            var hasAsked = _hasAskedForData;
            _hasAskedForData = false;
            return hasAsked;
        }
    }

    /// <summary>Hands on a piece of the data, as long as the server wants any.</summary>
    public async ValueTask CopyAsync(ReadOnlyMemory<byte> data)
    {
        _copyBuffer ??= new byte[OutgoingChunk.Size];
        while (data.Length > 0 && WantsCopyData)
        {
            if (_copyLength == 0)
            {
                _copyLength = CopyHeader;
            }

            var length = Math.Min(data.Length, _copyBuffer.Length - _copyLength);
            data[..length].CopyTo(_copyBuffer.AsMemory(_copyLength));
            _copyLength += length;
            data = data[length..];
            if (_copyLength == _copyBuffer.Length)
            {
                await SendCopyAsync();
            }
        }
    }

    /// <summary>Says that the data is complete; the server then says what it makes of it.</summary>
    public async ValueTask CompleteCopyAsync()
    {
        await SendCopyAsync();
        await EndCopyAsync([(byte)'c', 0, 0, 0, 4]);
    }

    /// <summary>Says that there will be no (more) data, so that the COPY fails.</summary>
    public async ValueTask FailCopyAsync(string reason)
    {
        _copyLength = 0;
        var text = Encoding.UTF8.GetBytes(reason);
        var message = new byte[CopyHeader + text.Length + 1];
        message[0] = (byte)'f';
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), message.Length - 1);
        text.CopyTo(message, CopyHeader);
        await EndCopyAsync(message);
    }

    private async ValueTask EndCopyAsync(byte[] message)
    {
        if (WantsCopyData)
        {
            // Before it is sent: a text with two COPYs asks for data again.
            EndCopy();
            await WriteAsync(message);
        }
    }

    private async ValueTask SendCopyAsync()
    {
        if (_copyBuffer is not null && _copyLength > CopyHeader && WantsCopyData)
        {
            _copyBuffer[0] = (byte)'d';
            BinaryPrimitives.WriteInt32BigEndian(_copyBuffer.AsSpan(1), _copyLength - 1);
            await WriteAsync(_copyBuffer.AsMemory(0, _copyLength));
        }

        _copyLength = 0;
        ThrowIfBroken();
    }

    private void OnCopyIn(bool isBinary)
    {
        if (!ExpectsCopy)
        {
            throw new InvalidDataException("The server asks for COPY data, and the statement was not taken for one that it does so for.");
        }

        lock (_lock)
        {
            (WantsCopyData, WantsBinary, _hasAskedForData) = (true, isBinary, true);
        }
    }

    private void EndCopy()
    {
        if (WantsCopyData)
        {
            lock (_lock)
            {
                WantsCopyData = false;
            }
        }
    }
}
