using Heimdall.Plugins.Postgres.Errors;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>
/// Sends SQL text to the server as it stands. Npgsql reads the text of a command without parameters itself, to split it at semicolons,
/// which breaks BEGIN ATOMIC bodies; with a positional parameter it does not, and the server refuses a second statement. So each
/// command carries one parameter that its text does not use. (The switch that turns the reading off is one for the whole process, and
/// Hangfire needs it on.) COPY to or from the client must not be sent this way: Npgsql would give the session up.
/// </summary>
internal static class VerbatimCommand
{
    /// <summary>False after <c>set standard_conforming_strings = off</c>: the server tells of each change.</summary>
    public static bool HasStandardStrings(NpgsqlConnection connection) =>
        !connection.PostgresParameters.TryGetValue("standard_conforming_strings", out var value) || value == "on";

    /// <exception cref="PlaceholderException">The text uses <c>$1</c>, which would silently take the value of that parameter.</exception>
    public static NpgsqlCommand Create(NpgsqlConnection connection, string sql)
    {
        if (Placeholders.Find(sql, HasStandardStrings(connection)) is { } placeholder)
        {
            throw placeholder;
        }

        return new NpgsqlCommand(sql, connection)
        {
            Parameters = { new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Boolean, Value = true } },

            // PostgreSQL's own text: exact, and there for every type, where binary is missing for some.
            AllResultTypesAreUnknown = true,
        };
    }
}
