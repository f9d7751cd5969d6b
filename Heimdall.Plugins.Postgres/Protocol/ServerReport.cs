using System.Globalization;
using System.Text;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// What the server says in an error or a notice: https://www.postgresql.org/docs/current/protocol-error-fields.html
/// </summary>
internal sealed class ServerReport
{
    private readonly Dictionary<char, string> _fields = [];

    private ServerReport()
    {
    }

    public string Severity => _fields.GetValueOrDefault('V') ?? this['S'] ?? "ERROR";

    public string SqlState => this['C'] ?? "";

    /// <summary>True when the server ends the session with it.</summary>
    public bool IsFatal => Severity is "FATAL" or "PANIC";

    private string? this[char field] => _fields.GetValueOrDefault(field);

    public static ServerReport Read(ReadOnlySpan<byte> body, Encoding encoding)
    {
        var report = new ServerReport();
        while (body.Length > 1 && body[0] != 0)
        {
            var end = body[1..].IndexOf((byte)0);
            if (end < 0)
            {
                break;
            }

            report._fields[(char)body[0]] = encoding.GetString(body.Slice(1, end));
            body = body[(end + 2)..];
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

    private int Number(char field) =>
        int.TryParse(this[field], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
