using System.Buffers.Binary;
using System.Text;

namespace Heimdall.Tests.Chaos;

/// <summary>Reads one direction of PostgreSQL's protocol, in whatever pieces it comes, and finds where transactions begin and end.</summary>
internal sealed class WireReader(bool isFromClient)
{
    private const int LongestText = 64;

    private readonly byte[] _head = new byte[5];
    private readonly List<byte> _text = [];
    private int _headLength;
    private int _remaining;
    private bool _isStartup = true;

    /// <returns>The last step that a message which ends in these bytes is about.</returns>
    public TransactionStep Read(ReadOnlySpan<byte> data)
    {
        var step = TransactionStep.Other;
        foreach (var value in data)
        {
            if (Take(value) && StepOf() is not TransactionStep.Other and var found)
            {
                step = found;
            }
        }
        return step;
    }

    /// <returns>Whether the message is complete.</returns>
    private bool Take(byte value)
    {
        if (_remaining == 0)
        {
            if (_isStartup && !isFromClient && _headLength == 0 && value == 'N')
            {
                return false; // no TLS, said in one byte
            }
            _head[_headLength++] = value;
            var hasType = !(_isStartup && isFromClient);
            if (_headLength < (hasType ? 5 : 4))
            {
                return false;
            }
            var length = BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(hasType ? 1 : 0));
            (_remaining, _headLength) = (length - 4, 0);
            _text.Clear();
            _isStartup = _isStartup && isFromClient && length == 8; // a request for TLS comes before the real one
            if (!hasType)
            {
                _head[0] = 0;
            }
            return _remaining == 0;
        }
        if (_text.Count < LongestText)
        {
            _text.Add(value);
        }
        return --_remaining == 0;
    }

    private TransactionStep StepOf()
    {
        var texts = Encoding.Latin1.GetString([.. _text]).Split('\0');
        var text = (isFromClient, (char)_head[0]) switch
        {
            (true, 'P') when texts.Length > 1 => texts[1],
            (true, 'Q') or (false, 'C') => texts[0],
            _ => "",
        };
        return text.ToUpperInvariant() switch
        {
            "BEGIN" => TransactionStep.Begin,
            "COMMIT" => TransactionStep.Commit,
            _ => TransactionStep.Other,
        };
    }
}
