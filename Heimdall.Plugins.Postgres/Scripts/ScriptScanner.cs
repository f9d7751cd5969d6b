using System.Text;
using System.Text.Unicode;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Splits a SQL script into statements as psql does, streaming over UTF-8 bytes:
/// what it holds in memory is the longest statement, never the file nor a line.
/// The rules are those of https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
/// </summary>
/// <remarks>
/// Differences to psql that are meant: its variables (<c>:name</c>) and meta commands mean nothing here, a quote that is open
/// at the end is an error instead of being sent, and an E'' literal continued on the next line is read as the server reads it.
/// </remarks>
internal sealed class ScriptScanner : IAsyncDisposable
{
    private readonly ScriptBuffer _buffer;
    private readonly StatementClassifier _classifier = new();
    private readonly StatementLexer _lexer;
    private readonly CopyDataReader _copyData;
    private int _number;
    private bool _started;

    /// <param name="script">Read once from where it stands, and disposed with the scanner.</param>
    public ScriptScanner(Stream script)
    {
        _buffer = new ScriptBuffer(script);
        _lexer = new StatementLexer(_buffer, _classifier);
        _copyData = new CopyDataReader(_buffer);
    }

    /// <summary>
    /// The session's setting of that name: off gives plain strings backslash escapes. Whoever runs the statements sets it
    /// when the server reports a change; it holds from the next statement read.
    /// </summary>
    public bool StandardConformingStrings { get; set; } = true;

    /// <summary>Bytes of the script up to the end of the last statement returned, or of the last piece of copy data.</summary>
    public long BytesRead { get; private set; }

    /// <summary>
    /// The next statement, or null at the end of the script. Copy data that was begun and not read to its end is skipped;
    /// copy data that was not begun is read as SQL, as psql does after a COPY that failed at once.
    /// </summary>
    /// <exception cref="ScriptException">The script cannot be split here. There is no way on.</exception>
    public async ValueTask<ScriptStatement?> ReadAsync(CancellationToken cancellationToken)
    {
        while (_copyData.Inside)
        {
            await _copyData.NextAsync(cancellationToken);
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
                    BytesRead = _buffer.Offset + _lexer.Position;
                    return null;

                case LexerStop.BackslashCommand:
                    await PassBackslashCommandAsync(cancellationToken);
                    break;

                default:
                    throw new ScriptException($"This {_lexer.OpenedWhat} has no end: everything from here to the end of the script is in it.", _lexer.Opened);
            }
        }
    }

    /// <summary>
    /// After a <see cref="ScriptStatementKind.CopyFromStdin"/> statement: hands on the bytes of the following lines, up to the line
    /// <c>\.</c> or the end of the script. A piece is valid during the call it is handed on with, and counts as read even if that call
    /// throws; called again after that, this goes on behind it.
    /// </summary>
    /// <exception cref="ScriptException">Something stands behind the COPY on its line. Nothing was handed on.</exception>
    public async ValueTask CopyDataAsync(Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> sink, CancellationToken cancellationToken)
    {
        if (!_copyData.Inside)
        {
            await _copyData.BeginAsync(cancellationToken);
        }

        while (true)
        {
            var piece = await _copyData.NextAsync(cancellationToken);

            BytesRead = _buffer.Offset;

            if (piece.IsEmpty)
            {
                return;
            }

            await sink(piece, cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _buffer.DisposeAsync();

    private ScriptStatement Take(int length, bool withSemicolon)
    {
        var bytes = _buffer.Kept[..length];
        var location = _buffer.Start;

        ThrowUnlessText(bytes, location);

        var statement = new ScriptStatement
        {
            Text = Encoding.UTF8.GetString(bytes[..(bytes.LastIndexOfAnyExcept(SqlCharacters.Space) + 1)]),
            Number = ++_number,
            Line = location.Line,
            Column = location.Column,
            Tag = _classifier.Tag,
            Kind = _classifier.Kind,
        };

        _buffer.Discard(withSemicolon ? length + 1 : length);
        BytesRead = _buffer.Offset;

        return statement;
    }

    private async ValueTask PassBackslashCommandAsync(CancellationToken cancellationToken)
    {
        string? command;

        while ((command = BackslashCommand.Read(_buffer.Kept[_lexer.Position..], _buffer.Ended)) is null)
        {
            await _buffer.FillAsync(cancellationToken);
        }

        if (_lexer.Begun || !BackslashCommand.IsHarmless(command))
        {
            throw new ScriptException(BackslashCommand.Refusal(command), _buffer.Locate(_lexer.Position));
        }

        _lexer.SkipLine();
    }

    private static void ThrowUnlessText(ReadOnlySpan<byte> bytes, ScriptLocation location)
    {
        if (!Utf8.IsValid(bytes))
        {
            throw new ScriptException("The statement that begins here is not valid UTF-8: convert the file.", location);
        }

        // The protocol ends a query at a zero byte: the server would run what stands before it.
        if (bytes.Contains((byte)0))
        {
            throw new ScriptException("The statement that begins here holds a zero byte, which SQL cannot: if the file is UTF-16, convert it to UTF-8.", location);
        }
    }
}
