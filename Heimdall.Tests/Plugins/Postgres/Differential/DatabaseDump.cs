using System.Globalization;
using System.Text;
using Heimdall.Tests.Support;
using Npgsql;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>All that a database holds, schema, data and where its sequences stand, in the words of pg_dump.</summary>
internal static class DatabaseDump
{
    private const int Shown = 40;

    /// <summary>From this version on a server takes <c>\.</c> in CSV data for a row, and psql does not send it.</summary>
    private const int NewCsv = 18;

    private static readonly Lazy<Task<string>> _version = new(FindVersionAsync);
    private static readonly Lazy<Task<int>> _serverMajor = new(FindServerMajorAsync);

    public static async Task<string> TakeAsync(string connectionString, CancellationToken cancellationToken)
    {
        // A pg_dump refuses a newer server: that is said to be as old as pg_dump. What pg_dump does not know of it is
        // not compared.
        await using var older = await _serverMajor.Value > Major(await _version.Value)
            ? new VersionProxy(connectionString, await _version.Value)
            : null;
        var (exitCode, dump, errors) = await PostgresProgram.RunAsync(
            "pg_dump", older?.ConnectionString ?? connectionString, [], cancellationToken);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"pg_dump failed:\n{errors}");
        }

        // Newer versions put a random key around a dump; the database's name is the fixture's.
        var lines = dump.Split('\n').Where(line => !line.StartsWith(@"\restrict ", StringComparison.Ordinal) && !line.StartsWith(@"\unrestrict ", StringComparison.Ordinal));
        return string.Join('\n', lines).Replace(new NpgsqlConnectionStringBuilder(connectionString).Database!, "DATABASE", StringComparison.Ordinal);
    }

    /// <summary>Whether the programs here are older than the server, and from before psql 18.</summary>
    public static async Task<bool> IsPsqlTooOldForCsvAsync() =>
        await _serverMajor.Value >= NewCsv && Major(await _version.Value) < NewCsv;

    /// <summary>That of pg_dump, such as 15.18.</summary>
    private static async Task<string> FindVersionAsync()
    {
        var (_, said, _) = await PostgresProgram.RunAsync(
            "pg_dump", "Host=127.0.0.1", ["--version"], CancellationToken.None);
        return said.Split(' ')[2].Trim();
    }

    private static int Major(string version) => int.Parse(version.Split('.')[0], CultureInfo.InvariantCulture);

    private static async Task<int> FindServerMajorAsync()
    {
        await using var connection = new NpgsqlConnection(TestDatabase.ServerConnectionString);
        await connection.OpenAsync();
        return connection.PostgreSqlVersion.Major;
    }

    /// <summary>What lies between the lines that both begin with and the lines that both end with.</summary>
    public static string Difference(string psql, string heimdall)
    {
        var (left, right) = (psql.Split('\n'), heimdall.Split('\n'));
        var shorter = Math.Min(left.Length, right.Length);
        var head = 0;
        while (head < shorter && left[head] == right[head])
        {
            head++;
        }

        var tail = 0;
        while (tail < shorter - head && left[^(tail + 1)] == right[^(tail + 1)])
        {
            tail++;
        }

        return new StringBuilder()
            .AppendJoin('\n', left[Math.Max(0, head - 3)..head].Select(line => $"  {line}")).Append('\n')
            .AppendJoin('\n', left[head..^tail].Take(Shown).Select(line => $"- {line}")).Append('\n')
            .AppendJoin('\n', right[head..^tail].Take(Shown).Select(line => $"+ {line}")).Append('\n')
            .ToString();
    }
}
