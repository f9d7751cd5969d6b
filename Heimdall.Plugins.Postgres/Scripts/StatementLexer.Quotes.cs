namespace Heimdall.Plugins.Postgres.Scripts;

// What opaque text looks like: strings, quoted names and dollar quotes.
internal sealed partial class StatementLexer
{
    private void OpenString(ReadOnlySpan<byte> bytes)
    {
        // 'one' <newline> 'two' is one literal: the second half is read as the first was, by the server. psql, which reads line by line,
        // forgets an E before the first half and cuts such a statement in the wrong place; there the server is followed.
        if (!(_stringEnd >= 0 && IsSpaceWithNewline(bytes[_stringEnd.._position])))
        {
            _escapes = HasEscapes(bytes[_floor.._position]);
        }

        Open(LexerState.String);
    }

    private bool HasEscapes(ReadOnlySpan<byte> before)
    {
        _dependsOnSetting = false;
        var (prefix, length) = before switch
        {
            [.., (byte)'u' or (byte)'U', (byte)'&'] => ((byte)'u', 2),
            [.., var letter] => ((byte)(letter | 0x20), 1),
            [] => ((byte)0, 0),
        };

        // The last letter of a longer name is no prefix.
        if (before.Length > length && SqlCharacters.IsNamePart(before[^(length + 1)]))
        {
            prefix = 0;
        }

        return prefix switch
        {
            (byte)'e' => true,
            (byte)'b' or (byte)'x' or (byte)'u' => false,
            _ => HasSettingsEscapes(),
        };
    }

    private bool HasSettingsEscapes()
    {
        _dependsOnSetting = true;
        return !StandardConformingStrings;
    }

    private static bool IsSpaceWithNewline(ReadOnlySpan<byte> text) =>
        text.IndexOfAnyExcept(SqlCharacters.Space) < 0 && text.IndexOfAny((byte)'\n', (byte)'\r') >= 0;

    private LexerStop? String()
    {
        var bytes = Bytes;
        var rest = bytes[_position..];

        if (!Find(_escapes ? rest.IndexOfAny((byte)'\'', (byte)'\\') : rest.IndexOf((byte)'\''), bytes.Length))
        {
            return NothingLeft();
        }

        if (IsNextUnknown(bytes))
        {
            return LexerStop.NeedsMore;
        }

        if (bytes[_position] == (byte)'\\')
        {
            HasMetBackslash |= _dependsOnSetting;
            _position = Math.Min(_position + 2, bytes.Length);
        }
        else if (!StepOverDoubled(bytes))
        {
            HasMetBackslash |= _dependsOnSetting && !_escapes && bytes[_opened.._position].Contains((byte)'\\');
            _stringEnd = _position;
            _state = LexerState.Code;
        }

        return null;
    }

    private LexerStop? QuotedName()
    {
        var bytes = Bytes;

        if (!Find(bytes[_position..].IndexOf((byte)'"'), bytes.Length))
        {
            return NothingLeft();
        }

        if (IsNextUnknown(bytes))
        {
            return LexerStop.NeedsMore;
        }

        if (!StepOverDoubled(bytes))
        {
            classifier.QuotedName(bytes[_opened.._position], IsUnicode(bytes[.._opened]));
            _state = LexerState.Code;
        }

        return null;
    }

    private static bool IsUnicode(ReadOnlySpan<byte> before) =>
        before is [.., (byte)'u' or (byte)'U', (byte)'&']
        && (before.Length == 2 || !SqlCharacters.IsNamePart(before[^3]));

    // A quote directly followed by another is a character of the text; alone it ends the text.
    private bool StepOverDoubled(ReadOnlySpan<byte> bytes)
    {
        var doubled = _position + 1 < bytes.Length && bytes[_position + 1] == bytes[_position];

        _position += doubled ? 2 : 1;

        return doubled;
    }

    private void Dollar(ReadOnlySpan<byte> bytes)
    {
        var word = _floor + 1 + bytes[_floor.._position].LastIndexOfAnyExcept(SqlCharacters.NamePart);

        // Digits alone are a number, which the dollar sign ends; with a letter among them the rest is a name.
        if (bytes[word.._position].IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            _position++;
            _state = LexerState.Name;
        }
        else
        {
            _opened = _position++;
            _state = LexerState.DollarTag;
        }
    }

    // A tag is empty or a name without a dollar sign: $1 is a parameter.
    private LexerStop? DollarTag()
    {
        var bytes = Bytes;
        var isParameter = _position == _opened + 1 && _position < bytes.Length && SqlCharacters.IsDigit(bytes[_position]);

        if (!isParameter && !Find(bytes[_position..].IndexOfAnyExcept(SqlCharacters.TagPart), bytes.Length) && !Ended)
        {
            return LexerStop.NeedsMore;
        }

        if (_position < bytes.Length && bytes[_position] == (byte)'$')
        {
            _position++;
            _dollarQuote = bytes[_opened.._position].ToArray();
            _state = LexerState.DollarString;
            classifier.Literal(_parentheses);
        }
        else
        {
            NamesParameter |= isParameter;
            _floor = _position = _opened + 1;
            _state = LexerState.Code;
            classifier.Symbol((byte)'$', _parentheses);
        }

        return null;
    }

    private LexerStop? DollarString()
    {
        var bytes = Bytes;
        var found = bytes[_position..].IndexOf(_dollarQuote);

        if (found < 0)
        {
            // The closing tag may have arrived in part.
            _position = Math.Max(_position, bytes.Length - _dollarQuote.Length + 1);

            return NothingLeft();
        }

        _floor = _position += found + _dollarQuote.Length;
        _state = LexerState.Code;

        return null;
    }

    private bool IsNextUnknown(ReadOnlySpan<byte> bytes) => _position + 1 == bytes.Length && !Ended;
}
