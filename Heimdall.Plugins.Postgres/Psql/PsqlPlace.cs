using System.Text;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>Where a job runs.</summary>
/// <param name="Host">Null where there are several, or it is not known.</param>
/// <param name="Port">Likewise.</param>
internal sealed record PsqlPlace(string? Database, string? User, string? Host, string? Port);

/// <summary>Where a <c>\connect</c> leads to; null for what it does not name.</summary>
/// <param name="Keeps">Whether what it does not name stays as it is. Otherwise psql takes what it began with.</param>
internal sealed record PsqlTarget(string? Database, string? User, string? Host, string? Port, bool Keeps)
{
    private const string Option = "-reuse-previous=";

    private const string Unreadable =
        @"\connect is done only to where the job runs already: write the database's name alone.";

    /// <returns>Null when its words do not say it.</returns>
    public static PsqlTarget? Read(PsqlCommand command, out string? refusal)
    {
        refusal = null;
        var arguments = command.Arguments.ToList();
        bool? keeps = null;
        if (arguments is [var option, ..] && option.Text.StartsWith(Option, StringComparison.Ordinal))
        {
            keeps = PsqlSetting.ToBoolean(option.Text[Option.Length..]);
            refusal = keeps is null ? Unreadable : null;
            arguments.RemoveAt(0);
        }

        var names = arguments.Select(argument => IsLeftOut(argument) ? null : NameOf(argument)).ToArray();
        if (refusal is null && names is [{ } first, ..]
            && (first.Contains("://", StringComparison.Ordinal) || first.Contains('=')))
        {
            refusal = names.Length > 1 ? Unreadable : null;
            return refusal is null ? FromPairs(first, keeps ?? false, out refusal) : null;
        }

        return refusal is not null ? null : new PsqlTarget(
            names.ElementAtOrDefault(0),
            names.ElementAtOrDefault(1),
            names.ElementAtOrDefault(2),
            names.ElementAtOrDefault(3),
            keeps ?? true);
    }

    /// <returns>What is another there, or is not known to be the same; null for nothing.</returns>
    public string? Differs(PsqlPlace place) => this switch
    {
        _ when IsOther(Database, place.Database) => "database",
        _ when IsOther(User, place.User) => "user",
        _ when IsOther(Host, place.Host) => "host",
        _ when IsOther(Port, place.Port) => "port",
        _ => null,
    };

    private bool IsOther(string? wanted, string? now) => wanted is null ? !Keeps : wanted != now;

    private static bool IsLeftOut(PsqlArgument argument) => !argument.IsQuoted && argument.Text is "-" or "";

    // As pg_dump writes it for a name that is no plain word: "dbname='my db'".
    private static PsqlTarget? FromPairs(string text, bool keeps, out string? refusal)
    {
        refusal = null;
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        var at = 0;
        while (at < text.Length)
        {
            var equals = text.IndexOf('=', at);
            if (equals < 0 || !TryReadValue(text, equals + 1, out var value, out var end))
            {
                break;
            }

            pairs[text[at..equals].Trim()] = value;
            at = end;
        }

        if (at < text.Length || pairs.Keys.Except(["dbname", "user", "host", "port"]).Any())
        {
            refusal = Unreadable;
            return null;
        }

        return new PsqlTarget(
            pairs.GetValueOrDefault("dbname"), pairs.GetValueOrDefault("user"), pairs.GetValueOrDefault("host"),
            pairs.GetValueOrDefault("port"), keeps);
    }

    private static bool TryReadValue(string text, int from, out string value, out int end)
    {
        var read = new StringBuilder();
        var at = from;
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }

        var isQuoted = at < text.Length && text[at] == '\'';
        at += isQuoted ? 1 : 0;
        while (at < text.Length && (isQuoted ? text[at] != '\'' : text[at] != ' '))
        {
            at += text[at] == '\\' && at + 1 < text.Length ? 1 : 0;
            read.Append(text[at++]);
        }

        var isWhole = !isQuoted || at < text.Length;
        at += isQuoted ? 1 : 0;
        while (at < text.Length && text[at] == ' ')
        {
            at++;
        }

        (value, end) = (read.ToString(), at);
        return isWhole;
    }

    // A name in double quotes is read as SQL reads it; psql leaves the case of others alone, as it is the case of a
    // connection string's.
    private static string NameOf(PsqlArgument argument)
    {
        var (name, isInQuotes) = (new StringBuilder(), false);
        var text = argument.Text;
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '"' && isInQuotes && at + 1 < text.Length && text[at + 1] == '"')
            {
                name.Append(text[at++]);
            }
            else if (text[at] == '"')
            {
                isInQuotes = !isInQuotes;
            }
            else
            {
                name.Append(text[at]);
            }
        }

        return name.ToString();
    }
}
