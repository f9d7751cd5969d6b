using System.Data.Common;
using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>Reads Npgsql's own <c>Host=h;Database=d</c>, with errors that name an option and never a value.</summary>
internal static class NpgsqlKeywords
{
    /// <summary>
    /// What Heimdall decides itself, and what would break it: <c>Multiplexing</c> has no sessions, for instance. Each
    /// may be given the one value that it has anyway.
    /// </summary>
    private static readonly Dictionary<string, object> Decided = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Multiplexing"] = false,
        ["Enlist"] = false,
        ["Pooling"] = true,
        ["Replication Mode"] = "Off",
        ["Server Compatibility Mode"] = ServerCompatibilityMode.None,
        ["Log Parameters"] = false,
        ["Persist Security Info"] = false,
    };

    public static NpgsqlConnectionStringBuilder ToBuilder(string text)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        var isAfterPassword = false;
        foreach (var (name, value) in Split(text))
        {
            if (!builder.ContainsKey(name))
            {
                throw new ConnectionStringException(LibpqOptions.UnknownOption(name, isAfterPassword));
            }

            Set(builder, name, value);
            isAfterPassword = builder.Password == value;
        }

        return builder;
    }

    private static List<KeyValuePair<string, string>> Split(string text)
    {
        var pairs = new DbConnectionStringBuilder();
        try
        {
            pairs.ConnectionString = text;
        }
        catch (ArgumentException)
        {
            throw new ConnectionStringException("It is neither a postgresql:// URI nor a list of name=value options; a value with a ';' or a quote must itself be quoted.");
        }

        return [.. pairs.Keys.Cast<string>().Select(name => KeyValuePair.Create(name, (string)pairs[name]))];
    }

    private static void Set(NpgsqlConnectionStringBuilder builder, string name, string value)
    {
        try
        {
            builder[name] = value;
        }
        catch (ArgumentException)
        {
            throw new ConnectionStringException($"The value of its option \"{name}\" cannot be read.");
        }

        if (Decided.TryGetValue(name, out var decided)
            && !string.Equals($"{builder[name]}", $"{decided}", StringComparison.OrdinalIgnoreCase))
        {
            throw new ConnectionStringException(
                $"Its option \"{name}\" cannot be set here: it is {$"{decided}".ToLowerInvariant()}. Leave it out.");
        }
    }
}
