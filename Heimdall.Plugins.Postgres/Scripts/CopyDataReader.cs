namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Hands on the data that follows a COPY ... FROM STDIN, up to a line with nothing but <c>\.</c>, straight from the buffer:
/// https://www.postgresql.org/docs/current/sql-copy.html (text format)
/// </summary>
internal sealed class CopyDataReader(ScriptBuffer buffer)
{
    private bool _atLineStart;

    // What stands behind the COPY on its line: psql reads it when the data is over.
    private byte[] _behind = [];

    /// <summary>Line of the script on which the data began.</summary>
    public long FirstLine { get; private set; }

    /// <summary>Whether data was begun and its end not reached.</summary>
    public bool Inside { get; private set; }

    /// <summary>Goes to the first line of the data.</summary>
    /// <param name="values">
    /// Bytes that are left of a variable's value: even if it has several lines, they are all behind the COPY, and the data on the script's next.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the line's end.</param>
    public async ValueTask BeginAsync(int values, CancellationToken cancellationToken)
    {
        int length;

        while ((length = buffer.Kept[values..].IndexOf((byte)'\n')) < 0 && !buffer.Ended)
        {
            await buffer.FillAsync(cancellationToken);
        }

        var line = buffer.Kept[..(length < 0 ? buffer.Kept.Length : values + length + 1)];

        _behind = values == 0 && line.IndexOfAnyExcept(SqlCharacters.Space) < 0 ? [] : line.ToArray();
        buffer.Discard(line.Length);
        (Inside, _atLineStart) = (true, true);
        FirstLine = buffer.Start.Line;
    }

    /// <summary>Takes all of the buffer for data, from its beginning on.</summary>
    public void BeginAtStart() => (Inside, _atLineStart) = (true, true);

    /// <summary>The next piece; empty at the end of the data. It counts as read, and is valid until the next call.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_atLineStart && TryEnd())
            {
                return default;
            }

            var length = LengthOfPiece();

            if (length > 0)
            {
                var piece = buffer.KeptMemory[..length];

                _atLineStart = buffer.Kept[length - 1] == (byte)'\n';
                buffer.Discard(length);

                return piece;
            }

            if (buffer.Ended)
            {
                End(terminator: 0);

                return default;
            }

            await buffer.FillAsync(cancellationToken);
        }
    }

    private bool TryEnd()
    {
        if (Terminator(buffer.Kept, buffer.Ended) is not (> 0 and var length))
        {
            return false;
        }

        End(length);

        return true;
    }

    // What was kept back takes the place of the terminator, in whose line psql reads it.
    private void End(int terminator)
    {
        if (_behind.Length == 0)
        {
            buffer.Discard(terminator);
        }
        else
        {
            buffer.Replace(0, Math.Max(0, terminator - 1), terminator == 0 ? _behind : _behind.AsSpan().TrimEnd((byte)'\n'));
        }

        (Inside, _behind) = (false, []);
    }

    // Everything up to the first line that is, or with more bytes may prove to be, the terminator.
    private int LengthOfPiece()
    {
        var kept = buffer.Kept;
        var from = 0;

        if (_atLineStart && Terminator(kept, buffer.Ended) is null)
        {
            return 0;
        }

        while (true)
        {
            var found = kept[from..].IndexOf("\n\\"u8);

            if (found < 0)
            {
                return kept.Length;
            }

            from += found + 1;

            if (Terminator(kept[from..], buffer.Ended) != 0)
            {
                return from;
            }
        }
    }

    /// <summary>Length of the terminating line at the start of <paramref name="text"/>; 0 if it is not one, null if more bytes are needed to tell.</summary>
    private static int? Terminator(ReadOnlySpan<byte> text, bool ended) => text switch
    {
        [(byte)'\\', (byte)'.', (byte)'\n', ..] => 3,
        [(byte)'\\', (byte)'.', (byte)'\r', (byte)'\n', ..] => 4,
        [(byte)'\\', (byte)'.'] or [(byte)'\\', (byte)'.', (byte)'\r'] => ended ? 0 : null, // without a line break psql takes it for data
        [] or [(byte)'\\'] => ended ? 0 : null,
        _ => 0,
    };
}
