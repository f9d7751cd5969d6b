using System.Text;
using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Splits a SQL script into statements as psql does, streaming over UTF-8 bytes:
/// what it holds in memory is the longest statement, never the file nor a line.
/// The rules are those of https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
/// </summary>
/// <remarks>
/// Differences to psql that are meant: a quote that is open at the end is an error instead of being dropped, and an E''
/// literal continued on the next line is read as the server reads it. What psql's own commands mean is known elsewhere:
/// a scanner that <see cref="ReadsCommands"/> stops at each of them, and any other refuses them.
/// </remarks>
internal sealed class ScriptScanner : IAsyncDisposable
{
    /// <summary>A text is looked into for names only where it is not longer.</summary>
    public const int LongestLookedInto = 4096;

    /// <summary>A command of psql's is not longer, with all that stands behind it on its line.</summary>
    private const int LongestCommandLine = 1024 * 1024;

    private readonly ScriptBuffer _buffer;
    private readonly StatementClassifier _classifier;
    private readonly StatementLexer _lexer;
    private readonly CopyDataReader _copyData;
    private readonly StatementCounter _counter;
    private bool _standardConformingStrings = true;
    private bool _started;
    private bool _isInScript;
    private bool _hasEnded;
    private int _lengthOfLine;
    private readonly bool _noticesWords;
    private readonly StatementRules? _rules;

    // The statement returned last is kept until the next read: these bytes with its semicolon, these without.
    private int _taken;
    private int _textLength;

    /// <param name="script">Read once from where it stands, and disposed with the scanner.</param>
    /// <param name="variables">What <c>:name</c> stands for; null leaves every colon as it is.</param>
    /// <param name="noticesWords">
    /// True to find out of each statement whether it <see cref="ScriptStatement.MayWrite"/>.
    /// </param>
    /// <param name="counter">Numbers the statements of this script together with those of others.</param>
    /// <param name="leavesOpen">True to leave the script open in the end.</param>
    /// <param name="rules">What is refused; null for nothing.</param>
    public ScriptScanner(
        Stream script,
        ScriptVariables? variables = null,
        bool noticesWords = false,
        StatementCounter? counter = null,
        bool leavesOpen = false,
        StatementRules? rules = null)
    {
        _counter = counter ?? new StatementCounter();
        (_noticesWords, _rules) = (noticesWords, rules);
        _classifier = new StatementClassifier(noticesWords, rules is null ? null : new RuleWatch(rules));
        _buffer = new ScriptBuffer(script, leavesOpen);
        _lexer = new StatementLexer(_buffer, _classifier, variables);
        _copyData = new CopyDataReader(_buffer);
        _lexer.OnSemicolonAlone = NoteSemicolonAlone;
    }

    /// <summary>
    /// Asked whether a line <c>\.</c> that ends no data is left out of the statement it stands in, which is how psql
    /// continues after a COPY that failed. Otherwise, and where nobody is asked, it is an error.
    /// </summary>
    public Func<ScriptLocation, bool>? LeavesOutTerminator { get; init; }

    /// <summary>
    /// Whether a string was met that would be read otherwise with another <see cref="StandardConformingStrings"/>.
    /// </summary>
    public bool HasMetBackslash
    {
        get => _lexer.HasMetBackslash;
        set => _lexer.HasMetBackslash = value;
    }

    /// <summary>How much of the script is no longer kept: the same for all commands within one statement.</summary>
    public long Passed => _buffer.Discarded;

    /// <summary>Bytes of <see cref="CommandLine"/>.</summary>
    public int LengthOfLine => _lengthOfLine;

    /// <summary>Whether to stop at psql's own commands.</summary>
    public bool ReadsCommands { get; init; }

    /// <summary>The file that the script is; null for the job's own script.</summary>
    public string? File { get; init; }

    /// <summary>Waits until the values are known that depend on the server's answers.</summary>
    public Func<ValueTask> OnAwaitsAnswers { get; init; } = () => ValueTask.CompletedTask;

    /// <summary>Called at a semicolon that no statement stands before. psql sends it as a statement of its own.</summary>
    public Action OnSemicolonAlone { get; init; } = () => { };

    /// <summary>
    /// Whether something was met since the last statement that psql would send, and that is no statement: a comment in
    /// signs, or a semicolon behind a backslash.
    /// </summary>
    public bool HoldsNothing { get; set; }

    /// <summary>True while statements are read that count for nothing, as in a branch that is not taken.</summary>
    public bool IsSkipping { get; set; }

    /// <summary>The statement that was read last.</summary>
    public ScriptStatement? Statement { get; private set; }

    /// <summary>Whether a statement has begun before the command that was stopped at.</summary>
    public bool HasBegun => _lexer.Begun;

    /// <summary>Whether the command that was stopped at stands in the value of a variable.</summary>
    public bool IsInValue => _lexer.IsInValue;

    /// <summary>Where the command stands that was stopped at.</summary>
    public ScriptLocation CommandPlace => _buffer.Locate(_lexer.Position);

    /// <summary>The command that was stopped at, and all behind it on its line; valid until the next read.</summary>
    public ReadOnlyMemory<byte> CommandLine => _buffer.KeptMemory.Slice(_lexer.Position, _lengthOfLine);

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
    public bool StandardConformingStrings
    {
        get => _standardConformingStrings;
        set
        {
            _standardConformingStrings = value;
            if (_isInScript && !_lexer.Begun)
            {
                _lexer.StandardConformingStrings = value; // by a command between two statements
            }
        }
    }

    /// <summary>Line of the script on which the copy data began that was read last.</summary>
    public long CopyDataLine => _copyData.FirstLine;

    /// <summary>Bytes of the script up to the end of the last statement returned, or of the last piece of copy data.</summary>
    public long BytesRead { get; private set; }

    /// <summary>
    /// The next statement, or null at the end of the script. Copy data that was begun and not read to its end is skipped;
    /// copy data that was not begun is read as SQL, as psql does after a COPY that failed at once.
    /// </summary>
    /// <exception cref="ScriptException">The script cannot be split here, nor anything behind it.</exception>
    public async ValueTask<ScriptStatement?> ReadAsync(CancellationToken cancellationToken) =>
        await AdvanceAsync(cancellationToken) == ScannerStop.Statement ? Statement : null;

    /// <summary>
    /// Reads on to the next statement, command or the end. A command must be dealt with before the next call: by
    /// <see cref="DropCommand"/>, <see cref="TakeStatement"/>, <see cref="ForgetStatement"/> or <see cref="End"/>.
    /// </summary>
    /// <exception cref="ScriptException">The script cannot be split here, nor anything behind it.</exception>
    public async ValueTask<ScannerStop> AdvanceAsync(CancellationToken cancellationToken)
    {
        if (!_isInScript)
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
            _isInScript = true;
        }

        while (!_hasEnded)
        {
            var stop = _lexer.Advance();
            NoteComment();
            switch (stop)
            {
                case LexerStop.NeedsMore:
                    await _buffer.FillAsync(cancellationToken);
                    break;

                case LexerStop.StatementEnd:
                    return Take(_lexer.Position, behind: 1);

                case LexerStop.ScriptEnd when _lexer.Begun:
                    return Take(_lexer.Position, behind: 0);

                case LexerStop.ScriptEnd:
                    _hasEnded = true;
                    break;

                case LexerStop.AwaitsAnswers:
                    await OnAwaitsAnswers();
                    break;

                case LexerStop.BackslashCommand:
                    if (await PassBackslashAsync(cancellationToken))
                    {
                        return ScannerStop.Command;
                    }

                    break;

                default:
                    throw new ScriptException($"This {_lexer.OpenedWhat} has no end: everything from here to the end of the script is in it.", _lexer.Opened);
            }
        }

        _isInScript = false;
        BytesRead = _buffer.Offset + _lexer.Position + _buffer.Splices.Difference(_lexer.Position);
        return ScannerStop.End;
    }

    /// <summary>Leaves the command out that was stopped at, and continues with what is behind it.</summary>
    /// <param name="length">Bytes of the command.</param>
    public void DropCommand(int length) => _lexer.TakeOut(length);

    /// <summary>Ends, with the command that was stopped at, the statement that has begun before it.</summary>
    /// <param name="length">Bytes of the command.</param>
    public void TakeStatement(int length) => Take(_lexer.Position, length);

    /// <summary>Forgets the statement that has begun before the command that was stopped at.</summary>
    /// <param name="length">Bytes of the command.</param>
    public void ForgetStatement(int length)
    {
        HoldsNothing &= IsSkipping;
        _taken = _lexer.Position + length;
        _isInScript = false;
    }

    /// <summary>Reads no further than to the command that was stopped at.</summary>
    public void End() => _hasEnded = true;

    /// <summary>After a COPY that the server wants data for: goes to the data, on the next line.</summary>
    public ValueTask BeginCopyDataAsync(CancellationToken cancellationToken)
    {
        DropTaken();
        _isInScript = false;
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

    private ScannerStop Take(int length, int behind)
    {
        var bytes = _buffer.Kept[..length];

        // The protocol ends a query at a zero byte: the server would run what stands before it.
        if (bytes.Contains((byte)0))
        {
            throw new ScriptException("The statement that begins here holds a zero byte, which SQL cannot: if the file is UTF-16, convert it to UTF-8.", _buffer.Start);
        }

        HoldsNothing &= IsSkipping;
        var (looksAtCursors, namesReading, changesSettings, mayLeave) = LookInto(bytes, _noticesWords);
        _textLength = bytes.LastIndexOfAnyExcept(SqlCharacters.Space) + 1;
        _taken = length + behind;
        _isInScript = false;
        BytesRead = _buffer.Offset + _taken + _buffer.Splices.Difference(_taken);

        var statement = new ScriptStatement
        {
            Number = IsSkipping ? 0 : _counter.Next(),
            File = File,
            Line = _buffer.Start.Line,
            Column = _buffer.Start.Column,
            Tag = _classifier.Tag,
            Kind = _classifier.Kind,
            KindOfFirst = _classifier.KindOfFirst,
            CopiesOut = _classifier.CopiesOut,
            MayWrite = _classifier.MayWrite,
            Calls = _classifier.Calls,
            OutlivesTransaction = _classifier.OutlivesTransaction,
            LeavesNothing = _classifier.LeavesNothing && !changesSettings && !mayLeave,
            NamesWhatStays = mayLeave,
            MayRename = _classifier.MayRename,
            Step = _classifier.Step,
            HasParts = _classifier.HasParts,
            HidesControl = _classifier.HidesControl,
            CopiesIn = _classifier.CopiesIn,
            RunsInBlock = _classifier.RunsInBlock,
            CanBeParsed = !_lexer.HidesSemicolon && !_lexer.NamesParameter && !looksAtCursors,
            MayChangeReading = _classifier.MayChangeSettings || namesReading,
            Splices = _buffer.Splices.Of(_textLength),
            RuleProblem = _classifier.FindRuleProblem(),
            WindowedDdl = _classifier.WindowedDdl,
        };
        var isReadOtherwise = !IsSkipping && (_lexer.HidesSeams || _buffer.Splices.MayJoinTokens(bytes));
        Statement = isReadOtherwise ? ReadAsSent(statement) : statement;
        return ScannerStop.Statement;
    }

    /// <summary>
    /// A value, and what stands behind a command that was left out, touch what is before them in the text that is sent:
    /// to the server both may be one word, one comment or one string. Then that text is read once more.
    /// </summary>
    private ScriptStatement ReadAsSent(ScriptStatement statement)
    {
        // It is in memory, so that nothing waits.
        var sent = GeneratedStatement.ReadAsync(
            Text, _lexer.StandardConformingStrings, _noticesWords, _rules, CancellationToken.None)
            .AsTask().GetAwaiter().GetResult();
        return (statement.HasParts ? statement : sent) with
        {
            Number = statement.Number,
            File = statement.File,
            Line = statement.Line,
            Column = statement.Column,
            KindOfFirst = sent.KindOfFirst,
            MayWrite = sent.MayWrite,
            OutlivesTransaction = sent.OutlivesTransaction,
            NamesWhatStays = statement.NamesWhatStays,
            MayRename = sent.MayRename,
            HidesControl = sent.HidesControl
                || (statement.HasParts && sent.Kind == ScriptStatementKind.TransactionControl),
            CopiesIn = sent.CopiesIn,
            CanBeParsed = statement.CanBeParsed && sent is { CanBeParsed: true, HasParts: false },
            MayChangeReading = sent.MayChangeReading,
            Splices = statement.Splices,
            RuleProblem = sent.RuleProblem,
            WindowedDdl = sent.WindowedDdl,
        };
    }

    // Also of a comment before a statement, which is over when the statement is.
    private void NoteComment()
    {
        HoldsNothing |= _lexer.HasMetComment && !IsSkipping;
        _lexer.HasMetComment = false;
    }

    private void NoteSemicolonAlone()
    {
        _lexer.HasMetComment = false;
        if (!IsSkipping)
        {
            HoldsNothing = false;
            OnSemicolonAlone();
        }
    }

    private void DropTaken()
    {
        _buffer.Discard(_taken);
        (_taken, _textLength) = (0, 0);
    }

    /// <summary>
    /// Looks for names in a text, in any case and also within a string. By the extended protocol a statement would find
    /// itself in pg_cursors. Whoever names standard_conforming_strings or client_encoding may change them, in
    /// set_config(…) or in a command within a string. Nobody hides that in megabytes of a script. DISCARD ALL takes away
    /// nothing that set_config, dblink, setseed, an origin of a replication or a temporary slot of one leave in a
    /// session.
    /// </summary>
    private static (bool Cursors, bool Reading, bool Settings, bool MayLeave) LookInto(
        ReadOnlySpan<byte> text, bool looksIntoAll)
    {
        var (cursors, reading, settings, mayLeave) = (false, false, false, false);
        if (text.Length > LongestLookedInto && !looksIntoAll)
        {
            return (cursors, reading, settings, MayLeave: true);
        }

        for (var from = 0; text[from..].IndexOf((byte)'_') is >= 0 and var found; from += found + 1)
        {
            var before = text[..(from + found)];
            var behind = text[(from + found + 1)..];
            reading |= StartsWith(behind, "conforming"u8) || StartsWith(behind, "encoding"u8);
            settings |= StartsWith(behind, "config"u8);
            mayLeave |= EndsWith(before, "dblink"u8)
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

        return (cursors, reading, settings, mayLeave);

        static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) =>
            text.Length >= word.Length && Ascii.EqualsIgnoreCase(text[..word.Length], word);

        static bool EndsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) =>
            text.Length >= word.Length && Ascii.EqualsIgnoreCase(text[^word.Length..], word);
    }

    /// <returns>True to stop at the command.</returns>
    private async ValueTask<bool> PassBackslashAsync(CancellationToken cancellationToken)
    {
        string? command;
        while ((command = BackslashCommand.Read(_buffer.Kept[_lexer.Position..], _buffer.Ended)) is null)
        {
            await _buffer.FillAsync(cancellationToken);
        }

        if (command == BackslashCommand.EndOfData
            && LeavesOutTerminator?.Invoke(_buffer.Locate(_lexer.Position)) == true)
        {
            await LeaveOutLineAsync(cancellationToken);
            return false;
        }

        if (command == BackslashCommand.EndOfData || !ReadsCommands)
        {
            if (_lexer.Begun || !BackslashCommand.IsHarmless(command))
            {
                throw new ScriptException(BackslashCommand.Refusal(command), _buffer.Locate(_lexer.Position));
            }

            _lexer.SkipLine();
            return false;
        }

        if (command is @"\;" or @"\:")
        {
            if (_lexer.Begun)
            {
                _lexer.TakeOut(1);
                _lexer.PassSign();
            }
            else if (command == @"\:" && !IsSkipping)
            {
                throw new ScriptException(
                    "No statement begins with a colon: remove the backslash and the colon.",
                    _buffer.Locate(_lexer.Position));
            }
            else
            {
                HoldsNothing |= !IsSkipping;
                _lexer.TakeOut(2);
            }

            return false;
        }

        _lengthOfLine = await FindLineEndAsync(cancellationToken);
        return true;
    }

    /// <returns>Bytes to the end of the line, without the line break.</returns>
    private async ValueTask<int> FindLineEndAsync(CancellationToken cancellationToken)
    {
        int length;
        while ((length = _buffer.Kept[_lexer.Position..].IndexOf((byte)'\n')) < 0 && !_buffer.Ended)
        {
            if (_buffer.Kept.Length - _lexer.Position > LongestCommandLine)
            {
                throw new ScriptException(
                    $"This command of psql's, with its line, is longer than {LongestCommandLine} bytes.",
                    _buffer.Locate(_lexer.Position));
            }

            await _buffer.FillAsync(cancellationToken);
        }

        return length < 0 ? _buffer.Kept.Length - _lexer.Position : length;
    }

    private async ValueTask LeaveOutLineAsync(CancellationToken cancellationToken)
    {
        if (_lexer.Begun)
        {
            _lexer.TakeOut(await FindLineEndAsync(cancellationToken));
        }
        else
        {
            _lexer.SkipLine();
        }
    }
}

/// <summary>What <see cref="ScriptScanner.AdvanceAsync"/> came to.</summary>
internal enum ScannerStop
{
    /// <summary>The end of the script.</summary>
    End,

    /// <summary>A statement: <see cref="ScriptScanner.Statement"/>.</summary>
    Statement,

    /// <summary>A command of psql's: <see cref="ScriptScanner.CommandLine"/>.</summary>
    Command,
}

/// <summary>Numbers statements, from 1.</summary>
internal sealed class StatementCounter
{
    public int Last { get; private set; }

    public int Next() => ++Last;
}
