using System.Globalization;
using System.Text;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// What the server says in an error or a notice: https://www.postgresql.org/docs/current/protocol-error-fields.html
/// </summary>
internal sealed class ServerReport
{
    /// <summary>Bytes of a field that are kept.</summary>
    private const int LongestField = 32 * 1024;

    private readonly Dictionary<char, string> _fields = [];

    private ServerReport()
    {
    }

    public string Severity => _fields.GetValueOrDefault('V') ?? this['S'] ?? "ERROR";

    public string SqlState => this['C'] ?? "";

    /// <summary>True when the server ends the session with it.</summary>
    public bool IsFatal => Severity is "FATAL" or "PANIC";

    private string? this[char field] => _fields.GetValueOrDefault(field);

    /// <param name="body">Of an error or a notice, perhaps only the beginning of it.</param>
    /// <param name="encoding">As the session's.</param>
    public static ServerReport Read(ReadOnlySpan<byte> body, Encoding encoding)
    {
        var report = new ServerReport();
        while (body.Length > 1 && body[0] != 0)
        {
            var end = body[1..].IndexOf((byte)0);
            var field = end < 0 ? body[1..] : body.Slice(1, end);
            report._fields[(char)body[0]] = end < 0 || end > LongestField
                ? $"{encoding.GetString(Cut(field))} …"
                : encoding.GetString(field);
            body = end < 0 ? [] : body[(end + 2)..];
        }

        return report;
    }

    public PostgresException ToException() => new(
        this['M'] ?? "", this['S']
            ?? "", Severity, SqlState, this['D'], this['H'], Number('P'), Number('p'), this['q'], this['W'],
        this['s'], this['t'], this['c'], this['d'], this['n'], this['F'], this['L'], this['R']);

    public PostgresNotice ToNotice() => new(
        this['M'] ?? "", this['S']
            ?? "", Severity, SqlState, this['D'], this['H'], Number('P'), Number('p'), this['q'], this['W'],
        this['s'], this['t'], this['c'], this['d'], this['n'], this['F'], this['L'], this['R']);

    // Not within a character of UTF-8.
    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> field)
    {
        var length = Math.Min(field.Length, LongestField);
        while (length > 0 && length < field.Length && (field[length] & 0xC0) == 0x80)
        {
            length--;
        }

        return field[..length];
    }

    private int Number(char field) =>
        int.TryParse(this[field], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
