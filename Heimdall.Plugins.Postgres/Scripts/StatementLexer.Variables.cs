namespace Heimdall.Plugins.Postgres.Scripts;

// What stands for a variable: its value takes its place before it is read.
internal sealed partial class StatementLexer
{
    // The variables whose values are being read, the innermost last, and where each value ends, counted with what was discarded.
    private readonly List<(string Name, long End)> _expansions = [];

    // By how many bytes values have made this statement longer.
    private long _growth;

    // The same, while the data of a COPY is read that began in a value: the rest of the value waits behind the data.
    private (string Name, long Length)[] _waiting = [];

    /// <summary>Whether a variable's value is being read.</summary>
    public bool IsInValue => _expansions.Count > 0;

    /// <summary>How many of the kept bytes are, or end with, what is left of the values that are being read.</summary>
    public int LengthOfValues => _expansions.Count == 0 ? 0 : LengthUntil(_expansions[0].End);

    // psql reads a value to its end before it reads on: quotes and comments between /* and */ may go on behind it, all else ends with it.
    private ReadOnlySpan<byte> Bytes => _expansions.Count == 0 ? buffer.Kept : buffer.Kept[..LengthUntil(_expansions[^1].End)];

    private bool Ended => _expansions.Count > 0 || buffer.Ended;

    /// <summary>Notes that what is left of values is taken away, with the rest of its line.</summary>
    public void SuspendValues()
    {
        _waiting = [.. _expansions.Select(expansion => (expansion.Name, expansion.End - buffer.Discarded))];
        _expansions.Clear();
    }

    /// <summary>Notes that it is back, as the first of the kept bytes.</summary>
    public void ResumeValues()
    {
        _expansions.AddRange(_waiting.Select(value => (value.Name, buffer.Discarded + value.Length)));
        _waiting = [];
    }

    private LexerStop? Variable(ScriptVariables variables)
    {
        var rest = Bytes[_position..];
        if (variables.Find(rest, Ended) is not { } use)
        {
            return LexerStop.NeedsMore;
        }

        if (use.AwaitsAnswers)
        {
            return LexerStop.AwaitsAnswers;
        }

        if (use.Value is null || !TryExpand(use, rest[..use.Length], variables))
        {
            classifier.Symbol((byte)':', _parentheses);
            _position += use.Length;
        }

        // A letter before the colon is neither part of a name that goes on in the value nor the prefix of a string there.
        _floor = _position;
        return null;
    }

    private bool TryLeaveValue()
    {
        if (_expansions.Count == 0)
        {
            return false;
        }

        _floor = _position = LengthUntil(_expansions[^1].End);
        _expansions.RemoveAt(_expansions.Count - 1);
        if (_state is LexerState.LineComment)
        {
            EndLineComment();
        }

        return true;
    }

    // The line goes on behind the value, and to the server the comment does too, unless it is the first of a statement: psql leaves that out.
    private void EndLineComment()
    {
        _state = Begun ? LexerState.Code : LexerState.Between;
        HidesSeams |= Begun;
        if (Begun && buffer.Kept[.._opened].IndexOfAnyExcept(SqlCharacters.Space) < 0)
        {
            Replace(_opened, _position - _opened, []);
            _floor = _position = _opened;
        }
    }

    private void Replace(int position, int length, ReadOnlySpan<byte> value)
    {
        HidesSeams |= _expansions.Count > 0;
        buffer.Replace(position, length, value);
        for (var outer = 0; outer < _expansions.Count; outer++)
        {
            _expansions[outer] = _expansions[outer] with { End = _expansions[outer].End + value.Length - length };
        }
    }

    private int LengthUntil(long end) => (int)Math.Min(end - buffer.Discarded, buffer.Kept.Length);

    /// <returns>False for a variable in its own value: psql leaves it as it is, and so ends.</returns>
    /// <exception cref="ScriptException">The values are longer than they may be.</exception>
    private bool TryExpand(VariableUse use, ReadOnlySpan<byte> text, ScriptVariables variables)
    {
        var position = buffer.Discarded + _position;
        var name = ScriptVariables.ReadName(text[1..]);
        if (use.IsCode && _expansions.Exists(expansion => expansion.Name == name))
        {
            return false;
        }

        var value = use.Value!;
        if (_expansions.Count > 0 && ++variables.NestedUses > ScriptVariables.MostNestedUses)
        {
            throw new ScriptException(
                $"Variables are used within values of variables more than {ScriptVariables.MostNestedUses} times.",
                buffer.Locate(_position));
        }

        Grow(value.Length - use.Length, variables);
        Replace(_position, use.Length, value);

        if (use.IsCode)
        {
            _expansions.Add((name, position + value.Length));
        }
        else
        {
            classifier.Literal(_parentheses);
            if (value is [(byte)'"', ..])
            {
                classifier.QuotedName(value, isUnicode: false);
            }

            _position += value.Length;
        }

        return true;
    }

    private void Grow(int bytes, ScriptVariables variables)
    {
        _growth += Math.Max(0, bytes);
        variables.Growth += Math.Max(0, bytes);
        if (_growth > variables.MostBytes)
        {
            throw new ScriptException(
                $"The values of variables make this statement longer by more than {variables.MostBytes} bytes, "
                + "which is the command's max_variable_bytes: use them less often, or shorter ones.",
                buffer.Locate(_position));
        }

        if (variables.Growth > variables.MostBytesInAll)
        {
            throw new ScriptException(
                $"The values of variables make the script longer by more than {variables.MostBytesInAll} bytes up to "
                + "here, which is four times the command's max_variable_bytes: use them less often, or shorter ones.",
                buffer.Locate(_position));
        }
    }
}
