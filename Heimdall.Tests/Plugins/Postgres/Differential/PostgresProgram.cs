using System.Diagnostics;
using System.Text;
using Npgsql;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>A program that comes with PostgreSQL, run on one database.</summary>
internal static class PostgresProgram
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("HEIMDALL_TEST_PG_BIN")
        ?? throw new InvalidOperationException("The comparison with psql needs PostgreSQL's programs: run ./test.sh, or set HEIMDALL_TEST_PG_BIN to their directory.");

    /// <summary>Output is taken byte for byte, as Latin-1: a dump may hold whatever a script has written.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string name,
        string connectionString,
        IEnumerable<string> arguments,
        CancellationToken cancellationToken,
        string? folder = null)
    {
        var start = new ProcessStartInfo(Path.Combine(Folder, name), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = folder ?? "",
        };
        SetEnvironment(start.Environment, new NpgsqlConnectionStringBuilder(connectionString));
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    // What the caller's shell says about other servers, and about sessions, must not count.
    private static void SetEnvironment(IDictionary<string, string?> environment, NpgsqlConnectionStringBuilder server)
    {
        foreach (var name in environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToArray())
        {
            environment.Remove(name);
        }

        environment["PGHOST"] = server.Host;
        environment["PGPORT"] = $"{server.Port}";
        environment["PGUSER"] = server.Username;
        environment["PGPASSWORD"] = server.Password;
        environment["PGDATABASE"] = server.Database;
        environment["PGCLIENTENCODING"] = "UTF8";
        environment["LC_ALL"] = "C";
    }
}
