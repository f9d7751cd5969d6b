namespace Heimdall.Plugins.Postgres.Scripts;

// What counts as space: between statements, and comments anywhere.
internal sealed partial class StatementLexer
{
    private LexerStop? Between()
    {
        var bytes = Bytes;

        if (!Find(bytes[_position..].IndexOfAnyExcept(SqlCharacters.Space), bytes.Length))
        {
            return NothingLeft();
        }

        switch (bytes[_position])
        {
            case (byte)';':
                OnSemicolonAlone();
                _position++;
                return null;

            case (byte)'-' or (byte)'/' when IsNextUnknown(bytes):
                return LexerStop.NeedsMore;

            case (byte)'\\':
                DiscardRead();
                _state = LexerState.Backslash;
                return null;

            default:
                DiscardRead();
                Begun = !TryComment();
                _openedBefore = buffer.Start;
                _state = Begun ? LexerState.Code : _state;
                return null;
        }
    }

    private bool TryComment()
    {
        var rest = Bytes[_position..];

        if (rest.StartsWith("--"u8))
        {
            _commentAfterString = _stringEnd >= 0 && Bytes[_stringEnd.._position].IndexOfAnyExcept(SqlCharacters.Space) < 0;
            _state = LexerState.LineComment;
        }
        else if (rest.StartsWith("/*"u8))
        {
            HasMetComment |= !Begun;
            _commentDepth = 1;
            _state = LexerState.BlockComment;
        }
        else
        {
            return false;
        }

        _opened = _position;
        _position += 2;

        return true;
    }

    private LexerStop? LineComment()
    {
        var bytes = Bytes;

        if (!Find(bytes[_position..].IndexOfAny((byte)'\n', (byte)'\r'), bytes.Length))
        {
            return NothingLeft();
        }

        // Such a comment counts as space between the halves of a continued literal.
        _stringEnd = Begun && _commentAfterString ? _position : _stringEnd;
        _state = Begun ? LexerState.Code : LexerState.Between;

        return null;
    }

    private LexerStop? BlockComment()
    {
        var bytes = Bytes;

        if (!Find(bytes[_position..].IndexOfAny((byte)'/', (byte)'*'), bytes.Length))
        {
            return NothingLeft();
        }

        if (IsNextUnknown(bytes))
        {
            return LexerStop.NeedsMore;
        }

        var pair = bytes[_position..];
        var change = pair.StartsWith("/*"u8) ? 1 : pair.StartsWith("*/"u8) ? -1 : 0;

        _commentDepth += change;
        _position += change == 0 ? 1 : 2;

        if (_commentDepth == 0)
        {
            _state = Begun ? LexerState.Code : LexerState.Between;
        }

        return null;
    }
}
