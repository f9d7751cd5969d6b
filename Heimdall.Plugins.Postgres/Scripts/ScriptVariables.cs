using System.Text;
using System.Text.Unicode;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// What <c>:name</c>, <c>:'name'</c> and <c>:"name"</c> stand for, as psql replaces them:
/// https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-INTERPOLATION
/// </summary>
/// <param name="find">The value of a name, as the script would hold it; null where there is none.</param>
/// <param name="plainOnly">True where a value is no text: only <c>:name</c> stands for it.</param>
/// <param name="mostBytes">Bytes by which values may make one statement longer.</param>
internal sealed class ScriptVariables(Func<string, byte[]?> find, bool plainOnly, long mostBytes)
{
    /// <summary>How often a script may use variables within the values of variables: such uses can multiply.</summary>
    public const int MostNestedUses = 1_000_000;

    private const char Plain = ' ';

    /// <summary>A longer value is written anew each time, so that no second copy of it is kept.</summary>
    private const int LongestKept = 64 * 1024;

    // A value may be used over and over.
    private readonly Dictionary<(string Name, char Quote), byte[]> _written = [];

    public ScriptVariables(IReadOnlyDictionary<string, string> values, long mostBytes)
        : this(
            name => values.TryGetValue(name, out var value) ? Encoding.UTF8.GetBytes(value) : null,
            plainOnly: false,
            mostBytes)
    {
    }

    /// <summary>True while nothing stands for anything, as in a branch that is not taken.</summary>
    public bool IsSuspended { get; set; }

    /// <summary>Bytes by which values have made statements longer so far.</summary>
    public long Growth { get; set; }

    /// <summary>Uses so far within the values of variables.</summary>
    public int NestedUses { get; set; }

    /// <summary>Asked of each name that is looked up: whether its value depends on answers still to come.</summary>
    public Func<string, bool>? AwaitsAnswers { get; init; }

    /// <summary>Bytes by which values may make one statement longer.</summary>
    public long MostBytes => mostBytes;

    /// <summary>Bytes by which values may make all statements of a script longer.</summary>
    public long MostBytesInAll => mostBytes > long.MaxValue / 4 ? long.MaxValue : 4 * mostBytes;

    /// <summary>Notes that a value has changed.</summary>
    public void Forget(string name)
    {
        _written.Remove((name, Plain));
        _written.Remove((name, '\''));
        _written.Remove((name, '"'));
    }

    /// <summary>Whether a name can be written behind a colon: letters, digits, underscores, and anything outside ASCII.</summary>
    public static bool IsName(string name) => name.Length > 0 && Encoding.UTF8.GetBytes(name).All(SqlCharacters.IsVariablePart);

    /// <summary>
    /// A name as a text: two that differ in a byte are two names, also where the script is not in UTF-8.
    /// </summary>
    public static string ReadName(ReadOnlySpan<byte> name) =>
        Utf8.IsValid(name) ? Encoding.UTF8.GetString(name) : Encoding.Latin1.GetString(name);

    /// <summary>
    /// What a text that begins with a colon, and that colon at first, stands for. Null value: nothing, and it stays as it is.
    /// </summary>
    /// <param name="text">What is known of the text.</param>
    /// <param name="ended">Whether there is no more of it.</param>
    /// <returns>Null when more of the text is needed to tell.</returns>
    public VariableUse? Find(ReadOnlySpan<byte> text, bool ended)
    {
        if (text.Length < 2)
        {
            return ended ? new VariableUse(1, null) : null;
        }

        switch (text[1])
        {
            // A cast, and the assignment sign.
            case (byte)':' or (byte)'=':
                return new VariableUse(2, null);

            case (byte)'\'' or (byte)'"' or (byte)'{' when plainOnly:
                return new VariableUse(1, null);

            case (byte)'\'' or (byte)'"':
                return Quoted(text, ended);

            case (byte)'{':
                return Test(text, ended);

            default:
                var length = 1 + LengthOfName(text[1..]);
                return length == text.Length && !ended
                    ? null
                    : Use(length, text[1..length], Plain);
        }
    }

    /// <summary>
    /// The same in an argument of a psql command: there a name in quotes that stands for nothing stays whole, and
    /// every other colon is a character.
    /// </summary>
    public VariableUse FindInArgument(ReadOnlySpan<byte> text)
    {
        if (text.Length > 1 && text[1] is (byte)'\'' or (byte)'"')
        {
            var end = 2 + LengthOfName(text[2..]);
            return end > 2 && end < text.Length && text[end] == text[1]
                ? Use(end + 1, text[2..end], (char)text[1])
                : new VariableUse(1, null);
        }

        return text.Length > 1 && text[1] is not ((byte)':' or (byte)'=')
            ? Find(text, ended: true)!.Value
            : new VariableUse(1, null);
    }

    private VariableUse? Quoted(ReadOnlySpan<byte> text, bool ended)
    {
        var quote = text[1];
        var end = 2 + LengthOfName(text[2..]);
        if (end == text.Length)
        {
            return ended ? new VariableUse(1, null) : null;
        }

        if (end == 2 || text[end] != quote)
        {
            return new VariableUse(1, null);
        }

        var use = Use(end + 1, text[2..end], (char)quote);
        return use.Value is null && !use.AwaitsAnswers ? new VariableUse(1, null) : use;
    }

    private VariableUse Use(int length, ReadOnlySpan<byte> name, char quote) => name switch
    {
        _ when IsSuspended => new VariableUse(length, null, IsCode: true),
        [] => new VariableUse(length, null, IsCode: true),
        _ when AwaitsAnswers?.Invoke(ReadName(name)) == true =>
            new VariableUse(length, null, AwaitsAnswers: true),
        _ => new VariableUse(length, Write(name, quote), IsCode: quote == Plain),
    };

    // :{?name} says whether the variable is there.
    private VariableUse? Test(ReadOnlySpan<byte> text, bool ended)
    {
        if (text.Length > 2 && text[2] != (byte)'?')
        {
            return new VariableUse(1, null);
        }

        var end = text.Length > 2 ? 3 + LengthOfName(text[3..]) : text.Length;
        if (end == text.Length)
        {
            return ended ? new VariableUse(1, null) : null;
        }

        if (end == 3 || text[end] != (byte)'}')
        {
            return new VariableUse(1, null);
        }

        var use = Use(end + 1, text[3..end], Plain);
        return use.AwaitsAnswers
            ? use
            : new VariableUse(end + 1, use.Value is null ? "FALSE"u8.ToArray() : "TRUE"u8.ToArray());
    }

    private byte[]? Write(ReadOnlySpan<byte> name, char quote)
    {
        var key = (ReadName(name), quote);
        if (!_written.TryGetValue(key, out var written) && find(key.Item1) is { } value)
        {
            written = quote switch
            {
                '\'' => Literal(value),
                '"' => Identifier(value),
                _ => value,
            };
            if (value.Length <= LongestKept)
            {
                _written.Add(key, written);
            }
        }

        return written;
    }

    private static int LengthOfName(ReadOnlySpan<byte> text)
    {
        var length = 0;
        while (length < text.Length && SqlCharacters.IsVariablePart(text[length]))
        {
            length++;
        }

        return length;
    }

    // As libpq's PQescapeLiteral: safe whatever standard_conforming_strings says. Byte by byte, whatever the encoding:
    // in none that a script may have is a quote or a backslash a part of another character.
    private static byte[] Literal(ReadOnlySpan<byte> value)
    {
        var backslashes = value.Count((byte)'\\');
        return backslashes > 0
            ? Quote(value, " E'"u8, (byte)'\'', (byte)'\\', backslashes + value.Count((byte)'\''))
            : Quote(value, "'"u8, (byte)'\'', (byte)'\'', value.Count((byte)'\''));
    }

    private static byte[] Identifier(ReadOnlySpan<byte> value) =>
        Quote(value, "\""u8, (byte)'"', (byte)'"', value.Count((byte)'"'));

    private static byte[] Quote(ReadOnlySpan<byte> value, ReadOnlySpan<byte> open, byte quote, byte other, int doubled)
    {
        var quoted = new byte[open.Length + value.Length + doubled + 1];
        open.CopyTo(quoted);
        var at = open.Length;
        foreach (var unit in value)
        {
            quoted[at++] = unit;
            if (unit == quote || unit == other)
            {
                quoted[at++] = unit;
            }
        }

        quoted[at] = quote;
        return quoted;
    }
}

/// <summary>A place where a variable is used.</summary>
/// <param name="Length">Bytes of it.</param>
/// <param name="Value">What stands there instead; null when it stays as it is.</param>
/// <param name="IsCode">True when the value is read as SQL; false when it is one literal or name.</param>
/// <param name="AwaitsAnswers">True when the value depends on answers that have not come: ask again then.</param>
internal readonly record struct VariableUse(
    int Length, byte[]? Value, bool IsCode = false, bool AwaitsAnswers = false);
