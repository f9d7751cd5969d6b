using System.Buffers;
using System.Text;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Finds where a statement ends, by the rules of psql and of the server's own lexer:
/// https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
/// It stops wherever the kept bytes end and goes on from there when there are more, so no byte is read twice
/// however long a statement is and however small the pieces it arrives in.
/// </summary>
internal sealed partial class StatementLexer(ScriptBuffer buffer, StatementClassifier classifier, ScriptVariables? variables)
{
    private enum LexerState
    {
        Between,
        Code,
        Word,
        Number,
        Name,
        String,
        QuotedName,
        DollarTag,
        DollarString,
        LineComment,
        BlockComment,
        Backslash,
    }

    private LexerState _state;
    private int _position;
    private int _opened;
    private ScriptLocation _openedBefore;

    // Letters before this position belong to a token that has ended: they are no prefix of a quote and no name around a dollar sign.
    private int _floor;

    private bool _escapes;
    private bool _dependsOnSetting;
    private int _stringEnd;
    private bool _commentAfterString;
    private byte[] _dollarQuote = [];
    private int _commentDepth;
    private int _parentheses;

    /// <summary>Whether a backslash in a plain string is a character. Changed before a statement begins.</summary>
    public bool StandardConformingStrings { get; set; }

    /// <summary>Whether a token of a statement was met. If so, that token is the first byte the buffer keeps.</summary>
    public bool Begun { get; private set; }

    /// <summary>Whether a semicolon was passed that ended nothing: in parentheses, or in the body of a routine.</summary>
    public bool HidesSemicolon { get; private set; }

    /// <summary>
    /// Whether the text may be read otherwise by the server than here for what no end of a splice shows: values were
    /// used within values, or a comment ended with a value.
    /// </summary>
    public bool HidesSeams { get; private set; }

    /// <summary>Whether a string without a prefix was met that holds a backslash.</summary>
    public bool HasMetBackslash { get; set; }

    /// <summary>Whether a parameter (<c>$1</c>) was met.</summary>
    public bool NamesParameter { get; private set; }

    /// <summary>Whether a comment in signs was met before a statement: psql sends it, though it does nothing.</summary>
    public bool HasMetComment { get; set; }

    /// <summary>Called at a semicolon that nothing stands before: psql sends it by itself.</summary>
    public Action OnSemicolonAlone { get; set; } = () => { };

    /// <summary>Position of what it stopped at.</summary>
    public int Position => _position;

    /// <summary>Where the quote or comment opened that has not ended.</summary>
    public ScriptLocation Opened => Begun ? buffer.Locate(_opened) : _openedBefore;

    /// <summary>What it is that has not ended.</summary>
    public string OpenedWhat => _state switch
    {
        LexerState.String => "quoted string",
        LexerState.QuotedName => "quoted name",
        LexerState.DollarString => $"dollar-quoted string {Encoding.UTF8.GetString(_dollarQuote)}",
        _ => "/* comment",
    };

    /// <summary>Makes ready for the next statement, which begins somewhere after the first kept byte.</summary>
    public void Reset(bool standardConformingStrings)
    {
        (_state, _position, _floor, _stringEnd, _parentheses, Begun) = (LexerState.Between, 0, 0, -1, 0, false);
        (HidesSemicolon, NamesParameter, _growth) = (false, false, 0);
        HidesSeams = _expansions.Count > 1;
        StandardConformingStrings = standardConformingStrings;
        classifier.Reset();
    }

    public LexerStop Advance()
    {
        while (true)
        {
            var stop = _state switch
            {
                LexerState.Between => Between(),
                LexerState.Code => Code(),
                LexerState.Word => Word(),
                LexerState.Number => Number(),
                LexerState.Name => Run(SqlCharacters.NamePart),
                LexerState.String => String(),
                LexerState.QuotedName => QuotedName(),
                LexerState.DollarTag => DollarTag(),
                LexerState.DollarString => DollarString(),
                LexerState.LineComment => LineComment(),
                LexerState.BlockComment => BlockComment(),
                _ => LexerStop.BackslashCommand,
            };

            if (stop is LexerStop.NeedsMore && !Begun)
            {
                // Comments and space before a statement are not kept, however much there is of them.
                DiscardRead();
            }

            if (stop is not null)
            {
                return stop.Value;
            }
        }
    }

    /// <summary>Steps over a backslash command before a statement, to the end of its line.</summary>
    public void SkipLine() => _state = LexerState.LineComment;

    /// <summary>Takes what stands at a backslash out of the script, and continues behind it.</summary>
    public void TakeOut(int length)
    {
        if (Begun)
        {
            Replace(_position, length, []);
            _state = LexerState.Code;
        }
        else
        {
            buffer.Discard(length);
            _state = LexerState.Between;
        }

        _floor = _position;
    }

    /// <summary>
    /// Continues behind a sign that a backslash, taken out by now, has put into the statement: a semicolon there parts
    /// commands that the server is sent together.
    /// </summary>
    public void PassSign()
    {
        var isPart = Bytes[_position] == (byte)';';
        HidesSemicolon |= isPart;
        Symbol(Bytes[_position]);
        if (isPart && _parentheses == 0)
        {
            classifier.EndPart();
        }
    }

    private LexerStop? Code()
    {
        var bytes = Bytes;

        // Names and numbers matter only while the classifier asks; an INSERT of a million values is searched for quotes alone.
        var found = classifier.WantsTokens
            ? bytes[_position..].IndexOfAnyExcept(SqlCharacters.Space)
            : bytes[_position..].IndexOfAny(variables is null ? SqlCharacters.Special : SqlCharacters.SpecialOrColon);

        if (!Find(found, bytes.Length))
        {
            return NothingLeft();
        }

        var c = bytes[_position];

        switch (c)
        {
            case (byte)'\'':
                OpenString(bytes);
                return null;

            case (byte)'"':
                Open(LexerState.QuotedName);
                return null;

            case (byte)'$':
                Dollar(bytes);
                return null;

            case (byte)'-' or (byte)'/':
                if (IsNextUnknown(bytes))
                {
                    return LexerStop.NeedsMore;
                }

                if (!TryComment())
                {
                    Symbol(c);
                }

                return null;

            case (byte)'(':
                Symbol(c);
                _parentheses++;
                return null;

            case (byte)')':
                _parentheses = Math.Max(0, _parentheses - 1);
                Symbol(c);
                return null;

            case (byte)';' when _parentheses == 0 && classifier.BlockDepth == 0:
                return LexerStop.StatementEnd;

            case (byte)';':
                HidesSemicolon = true;
                Symbol(c);
                return null;

            case (byte)':' when variables is not null:
                return Variable(variables);

            case (byte)'\\':
                _state = LexerState.Backslash;
                return null;
        }

        if (SqlCharacters.IsNameStart(c))
        {
            _opened = _position++;
            _state = LexerState.Word;
        }
        else if (SqlCharacters.IsDigit(c))
        {
            classifier.Literal(_parentheses);
            _opened = _position;
            _state = LexerState.Number;
        }
        else
        {
            Symbol(c);
        }

        return null;
    }

    private LexerStop? Word()
    {
        if (Run(SqlCharacters.NamePart) is { } stop)
        {
            return stop;
        }

        classifier.Word(Bytes[_opened.._position], _parentheses);

        return null;
    }

    private LexerStop? Number()
    {
        if (Run(SqlCharacters.TagPart) is { } stop)
        {
            return stop;
        }

        classifier.Number(Bytes[_opened.._position]);

        return null;
    }

    // The rest of a name or number, of whatever length.
    private LexerStop? Run(SearchValues<byte> parts)
    {
        var bytes = Bytes;

        if (!Find(bytes[_position..].IndexOfAnyExcept(parts), bytes.Length) && !Ended)
        {
            return LexerStop.NeedsMore;
        }

        _state = LexerState.Code;

        return null;
    }

    // Whatever was searched to the end of what is kept goes on there, or ends with the script.
    private LexerStop? NothingLeft() => (_state, buffer.Ended) switch
    {
        _ when TryLeaveValue() => null,
        (_, false) => LexerStop.NeedsMore,
        (LexerState.String or LexerState.QuotedName or LexerState.DollarString or LexerState.BlockComment, true) => LexerStop.Unterminated,
        _ => LexerStop.ScriptEnd,
    };

    private bool Find(int index, int length)
    {
        _position = index < 0 ? length : _position + index;

        return index >= 0;
    }

    private void Open(LexerState state)
    {
        classifier.Literal(_parentheses);
        _opened = _position++;
        _state = state;
    }

    private void Symbol(byte symbol)
    {
        classifier.Symbol(symbol, _parentheses);
        _position++;
    }

    private void DiscardRead()
    {
        buffer.Discard(_position);
        (_position, _floor) = (0, 0);
    }
}
