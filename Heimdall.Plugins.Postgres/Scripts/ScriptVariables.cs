using System.Text;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// What <c>:name</c>, <c>:'name'</c> and <c>:"name"</c> stand for, as psql replaces them:
/// https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-INTERPOLATION
/// </summary>
/// <param name="find">The value of a name; null where there is none.</param>
/// <param name="plainOnly">True where a value is no text: only <c>:name</c> stands for it.</param>
/// <param name="mostBytes">Bytes by which values may make one statement longer.</param>
internal sealed class ScriptVariables(Func<string, string?> find, bool plainOnly, long mostBytes)
{
    private const char Plain = ' ';

    // A value may be used over and over.
    private readonly Dictionary<(string Name, char Quote), byte[]> _written = [];

    public ScriptVariables(IReadOnlyDictionary<string, string> values, long mostBytes)
        : this(name => values.GetValueOrDefault(name), plainOnly: false, mostBytes)
    {
    }

    /// <summary>Bytes by which values may make one statement longer.</summary>
    public long MostBytes => mostBytes;

    /// <summary>Bytes by which values may make all statements of a script longer.</summary>
    public long MostBytesInAll => mostBytes > long.MaxValue / 4 ? long.MaxValue : 4 * mostBytes;

    /// <summary>Whether a name can be written behind a colon: letters, digits, underscores, and anything outside ASCII.</summary>
    public static bool IsName(string name) => name.Length > 0 && Encoding.UTF8.GetBytes(name).All(SqlCharacters.IsVariablePart);

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
                    : new VariableUse(length, length == 1 ? null : Write(text[1..length], Plain), IsCode: true);
        }
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

        return Write(text[2..end], (char)quote) is { } value
            ? new VariableUse(end + 1, value)
            : new VariableUse(1, null);
    }

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

        return end == 3 || text[end] != (byte)'}'
            ? new VariableUse(1, null)
            : new VariableUse(end + 1, Write(text[3..end], Plain) is null ? "FALSE"u8.ToArray() : "TRUE"u8.ToArray());
    }

    private byte[]? Write(ReadOnlySpan<byte> name, char quote)
    {
        var key = (Encoding.UTF8.GetString(name), quote);
        if (!_written.TryGetValue(key, out var written) && find(key.Item1) is { } value)
        {
            written = Encoding.UTF8.GetBytes(quote switch
            {
                '\'' => Literal(value),
                '"' => Identifier(value),
                _ => value,
            });
            _written.Add(key, written);
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

    // As libpq's PQescapeLiteral: safe whatever standard_conforming_strings says.
    private static string Literal(string value)
    {
        var doubled = value.Replace("'", "''", StringComparison.Ordinal);
        return doubled.Contains('\\') ? $" E'{doubled.Replace("\\", "\\\\", StringComparison.Ordinal)}'" : $"'{doubled}'";
    }

    private static string Identifier(string value) => $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

/// <summary>A place where a variable is used.</summary>
/// <param name="Length">Bytes of it.</param>
/// <param name="Value">What stands there instead; null when it stays as it is.</param>
/// <param name="IsCode">True when the value is read as SQL; false when it is one literal or name.</param>
internal readonly record struct VariableUse(int Length, byte[]? Value, bool IsCode = false);
