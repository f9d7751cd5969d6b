using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using DbUp.Engine;
using DbUp.ScriptProviders;

namespace Heimdall.Core.Database;

/// <summary>
/// The files that make the store's schema. The name of one that some older versions cannot work with says which
/// migration a process must know: <c>031_drop_flags.needs_029.sql</c>.
/// </summary>
internal static partial class Migrations
{
    public static IReadOnlyList<SqlScript> Embedded { get; } = Read(typeof(Migrations).Assembly);

    /// <summary>An index that is built while others write cannot be built in a transaction.</summary>
    public static bool BuildsIndexes(SqlScript script) => Concurrently().IsMatch(script.Contents);

    /// <summary>They land out of order: a version may know 015 and not 013.</summary>
    public static IReadOnlySet<int> NumbersOf(IEnumerable<SqlScript> scripts) => scripts.Select(NumberOf).ToHashSet();

    public static int NumberOf(SqlScript script) => Number(Own().Match(script.Name));

    /// <param name="unknown">Names of migrations that a newer version has made.</param>
    /// <param name="known">The numbers of the migrations that this version knows.</param>
    /// <exception cref="StoreSchemaException">One of them asks for a newer version than this.</exception>
    public static void RequireServed(IEnumerable<string> unknown, IReadOnlySet<int> known)
    {
        var needed = unknown.Select(name => Needed().Match(name)).Where(match => match.Success).Select(Number)
            .Where(number => !known.Contains(number)).DefaultIfEmpty().Max();
        if (needed > 0)
        {
            throw new StoreSchemaException(
                $"The store's schema is for versions of Heimdall that know migration {needed:000}. "
                + "This one does not: start a newer version.");
        }
    }

    private static SqlScript[] Read(Assembly assembly) =>
        [.. new EmbeddedScriptProvider(assembly, name => name.EndsWith(".sql", StringComparison.Ordinal))
            .GetScripts(connectionManager: null)];

    private static int Number(Match match) => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s*(?:create|drop)\s+(?:unique\s+)?index\s+concurrently\b", RegexOptions.Multiline)]
    private static partial Regex Concurrently();

    [GeneratedRegex(@"\.(\d+)_\w+(?:\.needs_\d+)?\.sql$")]
    private static partial Regex Own();

    [GeneratedRegex(@"\.needs_(\d+)\.sql$")]
    private static partial Regex Needed();
}

/// <summary>This version of Heimdall is too old for the store's schema.</summary>
internal sealed class StoreSchemaException(string message) : Exception(message);
