using System.Text;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Inputs;

/// <summary>A script that is run by everyone who is compared.</summary>
internal sealed record Input
{
    private const int WarmUpLines = 1_000;

    /// <summary>
    /// Has a runner do once what the measured scripts do many times, so that loading and compiling its code is not measured: workers
    /// run for weeks.
    /// </summary>
    public static Input WarmUp { get; } = new()
    {
        File = "warm_up.sql",
        CountSql = "select count(*) from warm_up",
        WriteAsync = (path, cancellationToken) => System.IO.File.WriteAllTextAsync(path, WarmUpScript(), cancellationToken),
    };

    /// <summary>The name of its file. Contains all that decides its content: a file that is there is not made again.</summary>
    public required string File { get; init; }

    /// <summary>Run before the script and not timed; "" for a script that needs nothing.</summary>
    public string Setup { get; init; } = "";

    /// <summary>Asks how much the script has left behind.</summary>
    public required string CountSql { get; init; }

    /// <summary>
    /// Whether making files is a part of the work. ext4 looks long for an inode when many were freed within the last five minutes
    /// (its recently_deleted), so the databases of such a script are not dropped before all rounds are over.
    /// </summary>
    public bool MakesManyFiles { get; init; }

    /// <summary>Writes the script to a path.</summary>
    public required Func<string, CancellationToken, Task> WriteAsync { get; init; }

    /// <summary>What pg_dump writes of pgbench's tables: a few statements and much COPY data.</summary>
    public static Input DumpOf(int scale, PostgresServer server) => new()
    {
        File = $"dump_{scale}.sql",
        CountSql = """
            select (select count(*) from public.pgbench_accounts) + (select count(*) from public.pgbench_tellers)
                + (select count(*) from public.pgbench_branches)
            """,
        WriteAsync = async (path, cancellationToken) =>
        {
            await using var database = await server.CreateDatabaseAsync($"dump_{scale}", cancellationToken);
            await ProgramRun.RunAsync(database.Program(server.ProgramPath("pgbench"), "--initialize", "--quiet", $"--scale={scale}"), cancellationToken);

            // Without owners: a kept file may be loaded into another server.
            await ProgramRun.RunAsync(database.Program(server.ProgramPath("pg_dump"), "--no-owner", $"--file={path}"), cancellationToken);
        },
    };

    /// <summary>Makes the script in a folder, unless it is there.</summary>
    /// <returns>Its path.</returns>
    public async Task<string> EnsureAsync(string folder, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, File);
        if (!System.IO.File.Exists(path))
        {
            await Console.Error.WriteLineAsync($"making {File} …");
            await WriteAsync($"{path}.new", cancellationToken);
            System.IO.File.Move($"{path}.new", path, overwrite: true);
        }
        return path;
    }

    private static string WarmUpScript()
    {
        var script = new StringBuilder("create table warm_up (id int, note text); -- the first of many\n");
        for (var id = 0; id < WarmUpLines; id++)
        {
            script.Append($"insert into warm_up (id, note) values ({id}, 'it''s warm');\n");
        }
        script.Append("create function warm() returns int language sql as $$ select 1; $$;\nselect warm();\ncopy warm_up (id, note) from stdin;\n");
        for (var id = 0; id < WarmUpLines; id++)
        {
            script.Append($"{id}\tcopied\n");
        }
        return script.Append("\\.\n").ToString();
    }
}
