using System.Globalization;
using System.Text;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Psql;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Sessions;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>How a job's script is read, by its check as by its run.</summary>
internal static class ScriptReading
{
    /// <summary>Why a session cannot be made what a new one would be.</summary>
    public const string NeedsNewSession =
        "Settings of the database or of the login have changed (ALTER DATABASE … SET, ALTER ROLE … SET), and only a "
        + @"session that is new has them: run what follows the \connect as a job of its own.";

    /// <summary>Where the jobs of a cluster run, as its connection string has it.</summary>
    public static PsqlPlace PlaceOf(ClusterPool pool)
    {
        var settings = pool.Settings.Npgsql;
        var isOne = settings.Host?.AsSpan().ContainsAny(',', ':') == false; // several, or one with a port of its own
        return new PsqlPlace(
            settings.Database ?? settings.Username,
            settings.Username,
            isOne ? settings.Host : null,
            isOne ? settings.Port.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>
    /// Whether a text names the setting that says how strings are read. Nobody hides that in megabytes.
    /// </summary>
    public static bool NamesStrings(ReadOnlySpan<byte> text) =>
        text.Length <= ScriptScanner.LongestLookedInto
        && Encoding.Latin1.GetString(text).Contains("standard_conforming", StringComparison.OrdinalIgnoreCase);

    /// <param name="settings">The job's.</param>
    /// <param name="place">Where it runs; null where that is not known.</param>
    public static PsqlReaderOptions For(JobSettings settings, PsqlPlace? place) => new()
    {
        ReadsCommands = settings.Psql,
        Variables = settings.Variables,
        Rules = settings.Rules,
        MostVariableBytes = settings.MaxVariableBytes,
        StopsOnError = settings.OnError == OnError.Stop,
        IsOneTransaction = settings.Transaction == TransactionMode.Single,
        Path = ScriptFolder.IsPath(settings.Query) ? settings.Query.Trim() : "",
        Place = place,
    };
}
