using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Inputs;

/// <summary>What pg_dump writes of pgbench's tables: a few statements and much COPY data.</summary>
internal static class DumpScripts
{
    private const string CountSql = """
        select (select count(*) from public.pgbench_accounts) + (select count(*) from public.pgbench_tellers) + (select count(*) from public.pgbench_branches)
        """;

    public static Input OfPgbench(int scale, PostgresServer server) => new()
    {
        File = $"dump_{scale}.sql",
        Title = $"pg_dump of pgbench, scale {scale}",
        CountSql = CountSql,
        WriteAsync = (path, cancellationToken) => WriteAsync(path, scale, server, cancellationToken),
    };

    private static async Task WriteAsync(string path, int scale, PostgresServer server, CancellationToken cancellationToken)
    {
        await using var database = await server.CreateDatabaseAsync($"dump_{scale}", cancellationToken);
        await ProgramRun.RunAsync(database.Program(server.Programs, "pgbench", "--initialize", "--quiet", $"--scale={scale}"), cancellationToken);

        // Without owners: a kept file may be loaded into another server.
        await ProgramRun.RunAsync(database.Program(server.Programs, "pg_dump", "--no-owner", $"--file={path}"), cancellationToken);
    }
}
