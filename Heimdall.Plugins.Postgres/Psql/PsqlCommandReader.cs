using System.Buffers;
using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>
/// Reads one command from its line: the name up to a blank or a backslash, then arguments up to the next backslash that
/// stands outside of quotes, or the line's end.
/// https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMANDS
/// </summary>
internal ref struct PsqlCommandReader
{
    private static readonly SearchValues<byte> _nameEnd = SearchValues.Create(" \t\n\r\f\v\\"u8);

    private readonly ReadOnlySpan<byte> _line;
    private readonly ScriptVariables _variables;
    private int _at;
    private bool _asksShell;
    private string? _fault;
    private long _growth;

    private PsqlCommandReader(ReadOnlySpan<byte> line, ScriptVariables variables)
    {
        _line = line;
        _variables = variables;
    }

    /// <param name="line">From the backslash to the end of the line.</param>
    /// <param name="variables">What <c>:name</c> stands for in its arguments.</param>
    /// <param name="place">Where it stands.</param>
    /// <param name="file">In which file; null for the job's own script.</param>
    public static PsqlCommand Read(
        ReadOnlySpan<byte> line, ScriptVariables variables, ScriptLocation place, string? file)
    {
        var reader = new PsqlCommandReader(line, variables);
        reader._at = LengthOfName(line);
        var name = NameOf(line);
        var kind = PsqlCommands.KindOf(name);
        IReadOnlyList<PsqlArgument> arguments =
            PsqlCommands.TakesWholeLine(name) ? reader.TakeLine() : [.. reader.TakeArguments(name, kind)];
        return new PsqlCommand
        {
            Name = name,
            Kind = kind,
            Place = place,
            File = file,
            Arguments = arguments,
            Length = reader.TakeEnd(),
            Fault = reader._fault,
            AsksShell = reader._asksShell,
        };
    }

    /// <summary>The name of the command at the beginning of a line, with its backslash.</summary>
    public static string NameOf(ReadOnlySpan<byte> line) => Encoding.UTF8.GetString(line[..LengthOfName(line)]);

    private static int LengthOfName(ReadOnlySpan<byte> line) =>
        line[1..].IndexOfAny(_nameEnd) is >= 0 and var end ? 1 + end : line.Length;

    private PsqlArgument[] TakeLine()
    {
        var rest = _line[_at..].Trim(" \t\n\r\f\v"u8);
        _at = _line.Length;
        return rest.IsEmpty ? [] : [new PsqlArgument(rest.ToArray(), IsQuoted: false)];
    }

    private List<PsqlArgument> TakeArguments(string name, PsqlCommandKind kind)
    {
        var arguments = new List<PsqlArgument>();
        // Of one that cannot be read, psql has complained, and has taken the line to be over.
        while (Next(name, kind) is { } argument && _fault is null)
        {
            arguments.Add(argument);
        }

        return arguments;
    }

    private PsqlArgument? Next(string name, PsqlCommandKind kind)
    {
        SkipSpace();
        if (_at == _line.Length || _line[_at] == (byte)'\\')
        {
            return null;
        }

        // What goes to a program is one argument to the end of the line.
        if (_line[_at] == (byte)'|' && PsqlCommands.TakesFile(name))
        {
            return TakeLine()[0];
        }

        var (value, isQuoted, plain) = (new List<byte>(), false, 0);
        while (_at < _line.Length && _line[_at] != (byte)'\\' && !SqlCharacters.Space.Contains(_line[_at]))
        {
            switch (_line[_at])
            {
                case (byte)'\'':
                    (isQuoted, plain) = (true, 0);
                    TakeQuoted(value);
                    break;
                case (byte)'"':
                    (isQuoted, plain) = (true, 0);
                    TakeUntil((byte)'"', value);
                    break;
                case (byte)'`':
                    (isQuoted, plain, _asksShell) = (true, 0, true);
                    TakeUntil((byte)'`', value);
                    break;
                case (byte)':' when _variables.FindInArgument(_line[_at..]) is var use
                    && (use.Value is not null || use.Length > 1):
                    (isQuoted, plain) = (true, 0);
                    Grow(use.Value?.Length ?? 0);
                    value.AddRange(use.Value ?? _line.Slice(_at, use.Length));
                    _at += use.Length;
                    break;
                default:
                    value.Add(_line[_at++]);
                    plain++;
                    break;
            }
        }

        // psql takes a semicolon behind the argument of most commands for the habit that it is.
        while (PsqlCommands.DropsSemicolon(kind) && plain-- > 0 && value is [.., (byte)';'])
        {
            value.RemoveAt(value.Count - 1);
        }

        return value.Count == 0 && !isQuoted ? null : new PsqlArgument([.. value], isQuoted);
    }

    private void Grow(int bytes)
    {
        _growth += bytes;
        _variables.Growth += bytes;
        if (_growth > _variables.MostBytes || _variables.Growth > _variables.MostBytesInAll)
        {
            throw new PsqlLimitException(
                $"The values of variables make this command longer by more than {_variables.MostBytes} bytes, which is "
                + "the command's max_variable_bytes, or all of them by more than four times that.");
        }
    }

    private void TakeQuoted(List<byte> value)
    {
        for (_at++; _at < _line.Length; _at++)
        {
            switch (_line[_at])
            {
                case (byte)'\'' when _at + 1 < _line.Length && _line[_at + 1] == (byte)'\'':
                    value.Add((byte)'\'');
                    _at++;
                    break;
                case (byte)'\'':
                    _at++;
                    return;
                case (byte)'\\' when _at + 1 < _line.Length:
                    _at++;
                    TakeEscape(value);
                    break;
                default:
                    value.Add(_line[_at]);
                    break;
            }
        }

        _fault = "unterminated quoted string";
    }

    private void TakeEscape(List<byte> value)
    {
        switch ((char)_line[_at])
        {
            case 'n':
                value.Add((byte)'\n');
                break;
            case 't':
                value.Add((byte)'\t');
                break;
            case 'b':
                value.Add((byte)'\b');
                break;
            case 'r':
                value.Add((byte)'\r');
                break;
            case 'f':
                value.Add((byte)'\f');
                break;
            case >= '0' and <= '7':
                value.Add((byte)TakeDigits(radix: 8, most: 3));
                break;
            case 'x' or 'X' when _at + 1 < _line.Length && char.IsAsciiHexDigit((char)_line[_at + 1]):
                _at++;
                value.Add((byte)TakeDigits(radix: 16, most: 2));
                break;
            default:
                value.Add(_line[_at]);
                break;
        }
    }

    // Up to the last digit, which the caller steps over.
    private int TakeDigits(int radix, int most)
    {
        var (number, count) = (0, 0);
        while (count < most && _at < _line.Length && DigitOf((char)_line[_at]) is { } digit && digit < radix)
        {
            number = (number * radix) + digit;
            (_at, count) = (_at + 1, count + 1);
        }

        _at--;
        return number;
    }

    private static int? DigitOf(char c) => char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : null;

    // The quotes stay: only a name that is read as SQL reads it is without them.
    private void TakeUntil(byte quote, List<byte> value)
    {
        var length = _line[(_at + 1)..].IndexOf(quote);
        if (length < 0)
        {
            _fault = "unterminated quoted string";
            _at = _line.Length;
            return;
        }

        value.AddRange(_line.Slice(_at, length + 2));
        _at += length + 2;
    }

    private void SkipSpace()
    {
        while (_at < _line.Length && SqlCharacters.Space.Contains(_line[_at]))
        {
            _at++;
        }
    }

    // Two backslashes end a command, so that SQL can follow on its line.
    private int TakeEnd()
    {
        SkipSpace();
        return _line[_at..].StartsWith(@"\\"u8) ? _at + 2 : _at;
    }
}
