using System.Text;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Splits a SQL script into statements as psql does, streaming over UTF-8 bytes:
/// what it holds in memory is the longest statement, never the file nor a line.
/// The rules are those of https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
/// </summary>
/// <remarks>
/// Differences to psql that are meant: its meta commands mean nothing here, a quote that is open at the end is an error instead of
/// being dropped, and an E'' literal continued on the next line is read as the server reads it.
/// </remarks>
internal sealed class ScriptScanner : IAsyncDisposable
{
    private const int LongestLookedInto = 4096;

    private readonly ScriptBuffer _buffer;
    private readonly StatementClassifier _classifier;
    private readonly StatementLexer _lexer;
    private readonly CopyDataReader _copyData;
    private int _number;
    private bool _started;

    // The statement returned last is kept until the next read: these bytes with its semicolon, these without.
    private int _taken;
    private int _textLength;

    /// <param name="script">Read once from where it stands, and disposed with the scanner.</param>
    /// <param name="variables">What <c>:name</c> stands for; null leaves every colon as it is.</param>
    /// <param name="noticesWords">
    /// True to find out of each statement whether it <see cref="ScriptStatement.MayWrite"/>.
    /// </param>
    public ScriptScanner(Stream script, ScriptVariables? variables = null, bool noticesWords = false)
    {
        _classifier = new StatementClassifier(noticesWords);
        _buffer = new ScriptBuffer(script);
        _lexer = new StatementLexer(_buffer, _classifier, variables);
        _copyData = new CopyDataReader(_buffer);
    }

    /// <summary>
    /// What to do with a line <c>\.</c> that ends no data, as it stands after the data of a COPY that failed. Null: it is an error.
    /// Otherwise it is told, and left out of the statement it stands in, which is how psql goes on after an error.
    /// </summary>
    public Action<ScriptLocation>? OnStrayTerminator { get; init; }

    /// <summary>The text of the statement returned last, without the semicolon; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Text => _buffer.KeptMemory[.._textLength];

    /// <summary>False while the script is written in an encoding of one byte a character: then columns count bytes.</summary>
    public bool IsUtf8
    {
        get => _buffer.IsUtf8;
        set => _buffer.IsUtf8 = value;
    }

    /// <summary>
    /// The session's setting of that name: off gives plain strings backslash escapes. Whoever runs the statements sets it
    /// when the server reports a change; it holds from the next statement read.
    /// </summary>
    public bool StandardConformingStrings { get; set; } = true;

    /// <summary>Line of the script on which the copy data began that was read last.</summary>
    public long CopyDataLine => _copyData.FirstLine;

    /// <summary>Bytes of the script up to the end of the last statement returned, or of the last piece of copy data.</summary>
    public long BytesRead { get; private set; }

    /// <summary>
    /// The next statement, or null at the end of the script. Copy data that was begun and not read to its end is skipped;
    /// copy data that was not begun is read as SQL, as psql does after a COPY that failed at once.
    /// </summary>
    /// <exception cref="ScriptException">The script cannot be split here. There is no way on.</exception>
    public async ValueTask<ScriptStatement?> ReadAsync(CancellationToken cancellationToken)
    {
        DropTaken();

        while (_copyData.Inside)
        {
            await NextDataAsync(cancellationToken);
        }

        if (!_started)
        {
            await _buffer.SkipByteOrderMarkAsync(cancellationToken);
            _started = true;
        }

        _lexer.Reset(StandardConformingStrings);

        while (true)
        {
            switch (_lexer.Advance())
            {
                case LexerStop.NeedsMore:
                    await _buffer.FillAsync(cancellationToken);
                    break;

                case LexerStop.StatementEnd:
                    return Take(_lexer.Position, withSemicolon: true);

                case LexerStop.ScriptEnd when _lexer.Begun:
                    return Take(_lexer.Position, withSemicolon: false);

                case LexerStop.ScriptEnd:
                    BytesRead = _buffer.Offset + _lexer.Position + _buffer.Splices.Difference(_lexer.Position);
                    return null;

                case LexerStop.BackslashCommand:
                    await PassBackslashCommandAsync(cancellationToken);
                    break;

                default:
                    throw new ScriptException($"This {_lexer.OpenedWhat} has no end: everything from here to the end of the script is in it.", _lexer.Opened);
            }
        }
    }

    /// <summary>After a COPY that the server wants data for: goes to the data, on the next line.</summary>
    public ValueTask BeginCopyDataAsync(CancellationToken cancellationToken)
    {
        DropTaken();
        var values = _lexer.LengthOfValues;
        _lexer.SuspendValues();
        return _copyData.BeginAsync(values, cancellationToken);
    }

    /// <summary>
    /// Hands on the data, up to the line <c>\.</c> or the end of the script. A piece is valid during the call it is handed on with, and
    /// counts as read even if that call throws; called again after that, this goes on behind it.
    /// </summary>
    public async ValueTask CopyDataAsync(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> sink, CancellationToken cancellationToken)
    {
        while (true)
        {
            var piece = await NextDataAsync(cancellationToken);

            BytesRead = _buffer.Offset;

            if (piece.IsEmpty)
            {
                return;
            }

            await sink(piece, cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _buffer.DisposeAsync();

    private async ValueTask<ReadOnlyMemory<byte>> NextDataAsync(CancellationToken cancellationToken)
    {
        var piece = await _copyData.NextAsync(cancellationToken);

        if (!_copyData.Inside)
        {
            _lexer.ResumeValues();
        }

        return piece;
    }

    private ScriptStatement Take(int length, bool withSemicolon)
    {
        var bytes = _buffer.Kept[..length];

        // The protocol ends a query at a zero byte: the server would run what stands before it.
        if (bytes.Contains((byte)0))
        {
            throw new ScriptException("The statement that begins here holds a zero byte, which SQL cannot: if the file is UTF-16, convert it to UTF-8.", _buffer.Start);
        }

        var (looksAtCursors, namesReading, mayLeave) = LookInto(bytes);
        _textLength = bytes.LastIndexOfAnyExcept(SqlCharacters.Space) + 1;
        _taken = withSemicolon ? length + 1 : length;
        BytesRead = _buffer.Offset + _taken + _buffer.Splices.Difference(_taken);

        return new ScriptStatement
        {
            Number = ++_number,
            Line = _buffer.Start.Line,
            Column = _buffer.Start.Column,
            Tag = _classifier.Tag,
            Kind = _classifier.Kind,
            CopiesOut = _classifier.CopiesOut,
            MayWrite = _classifier.MayWrite,
            Calls = _classifier.Calls,
            OutlivesTransaction = _classifier.OutlivesTransaction,
            LeavesNothing = _classifier.LeavesNothing && !mayLeave,
            MayRename = _classifier.MayRename,
            Step = _classifier.Step,
            RunsInBlock = _classifier.RunsInBlock,
            CanBeParsed = !_lexer.HidesSemicolon && !_lexer.NamesParameter && !looksAtCursors,
            MayChangeReading = _classifier.MayChangeSettings || namesReading,
            Splices = _buffer.Splices.Of(_textLength),
        };
    }

    private void DropTaken()
    {
        _buffer.Discard(_taken);
        (_taken, _textLength) = (0, 0);
    }

    /// <summary>
    /// Looks for names in a text, in any case and also within a string. By the extended protocol a statement would find
    /// itself in pg_cursors. Whoever names standard_conforming_strings or client_encoding may change them, in
    /// set_config(…) or in a command within a string. Nobody hides that in megabytes. DISCARD ALL takes away nothing
    /// that set_config, dblink, setseed, an origin of a replication or a temporary slot of one leave in a session.
    /// </summary>
    private static (bool Cursors, bool Reading, bool MayLeave) LookInto(ReadOnlySpan<byte> text)
    {
        var (cursors, reading, mayLeave) = (false, false, false);
        if (text.Length > LongestLookedInto)
        {
            return (cursors, reading, MayLeave: true);
        }

        for (var from = 0; text[from..].IndexOf((byte)'_') is >= 0 and var found; from += found + 1)
        {
            var before = text[..(from + found)];
            var behind = text[(from + found + 1)..];
            reading |= StartsWith(behind, "conforming"u8) || StartsWith(behind, "encoding"u8);
            mayLeave |= StartsWith(behind, "config"u8) || EndsWith(before, "dblink"u8)
                || (EndsWith(before, "replication"u8)
                    && (StartsWith(behind, "origin"u8) || StartsWith(behind, "slot"u8)));
            cursors |= EndsWith(before, "pg"u8) && StartsWith(behind, "cursor"u8);
        }

        // A name without an underscore, looked for by its rarest letter.
        for (var from = 0; !mayLeave && text[from..].IndexOfAny((byte)'d', (byte)'D') is >= 0 and var found;)
        {
            from += found + 1;
            mayLeave = EndsWith(text[..from], "setseed"u8);
        }

        return (cursors, reading, mayLeave);

        static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) =>
            text.Length >= word.Length && Ascii.EqualsIgnoreCase(text[..word.Length], word);

        static bool EndsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) =>
            text.Length >= word.Length && Ascii.EqualsIgnoreCase(text[^word.Length..], word);
    }

    private async ValueTask PassBackslashCommandAsync(CancellationToken cancellationToken)
    {
        string? command;

        while ((command = BackslashCommand.Read(_buffer.Kept[_lexer.Position..], _buffer.Ended)) is null)
        {
            await _buffer.FillAsync(cancellationToken);
        }

        if (command == BackslashCommand.EndOfData && OnStrayTerminator is not null)
        {
            OnStrayTerminator(_buffer.Locate(_lexer.Position));
            await LeaveOutLineAsync(cancellationToken);
        }
        else if (_lexer.Begun || !BackslashCommand.IsHarmless(command))
        {
            throw new ScriptException(BackslashCommand.Refusal(command), _buffer.Locate(_lexer.Position));
        }
        else
        {
            _lexer.SkipLine();
        }
    }

    private async ValueTask LeaveOutLineAsync(CancellationToken cancellationToken)
    {
        if (!_lexer.Begun)
        {
            _lexer.SkipLine();
            return;
        }

        int length;
        while ((length = _buffer.Kept[_lexer.Position..].IndexOf((byte)'\n')) < 0 && !_buffer.Ended)
        {
            await _buffer.FillAsync(cancellationToken);
        }

        _buffer.Replace(_lexer.Position, length < 0 ? _buffer.Kept.Length - _lexer.Position : length, []);
        _lexer.Resume();
    }
}
