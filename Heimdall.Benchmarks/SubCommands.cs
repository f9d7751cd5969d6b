using System.Runtime.InteropServices;
using Heimdall.Benchmarks.Bare;
using Heimdall.Benchmarks.Executors;
using Heimdall.Benchmarks.Lists;
using Heimdall.Benchmarks.Queries;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Scripts;
using Heimdall.Core.ConnectionStrings;
using Npgsql;

namespace Heimdall.Benchmarks;

/// <summary>What this program can do. A new suite is one line here.</summary>
internal static class SubCommands
{
    private const int Failed = 1;
    private const int WrongArguments = 2; // as shells do

    private static readonly SubCommand[] All =
    [
        new("scripts", "script files, run by psql, by Heimdall's executor and by a worker", ScriptsSuite.RunAsync),
        new("queries", "queries over HTTP, against psql and a bare handler", QueriesSuite.RunAsync),
        new("lists", "pages of a million jobs, against those of ten thousand", ListsSuite.RunAsync),
        new(ExecutorHost.Word, null, ExecutorHost.RunAsync),
        new(BareHost.Word, null, BareHost.RunAsync),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        if (args is [] or ["--help" or "-h", ..])
        {
            Console.Write(Help());
            return args is [] ? WrongArguments : 0;
        }
        if (All.FirstOrDefault(one => one.Name == args[0]) is not { } chosen)
        {
            await Console.Error.WriteLineAsync($"'{args[0]}' is no suite.\n{Help()}");
            return WrongArguments;
        }
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true; // servers and programs are stopped first
            stop.Cancel();
        }
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        try
        {
            return await chosen.RunAsync(args[1..], stop.Token);
        }
        catch (BenchmarkException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return Failed;
        }
        catch (Exception exception) when (exception is NpgsqlException or ConnectionStringException)
        {
            await Console.Error.WriteLineAsync($"PostgreSQL: {exception.Message}");
            return Failed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped.");
            return Failed;
        }
    }

    private static string Help() => $"""
        usage: dotnet run -c Release --project Heimdall.Benchmarks -- SUITE [options]

        {string.Join("\n", All.Where(one => one.Summary is not null).Select(one => $"  {one.Name,-10} {one.Summary}"))}

        SUITE --help lists a suite's options. For a server other than the private one that each run starts:
          HEIMDALL_BENCH_DB       connection string of a superuser
          HEIMDALL_BENCH_PG_BIN   directory of psql, pg_dump and pgbench; default: the newest PostgreSQL of this machine

        """;

    /// <param name="Name">As it is typed.</param>
    /// <param name="Summary">For the help; null for what only this program itself calls.</param>
    /// <param name="RunAsync">Takes the arguments after the name, and returns the exit code.</param>
    private sealed record SubCommand(string Name, string? Summary, Func<string[], CancellationToken, Task<int>> RunAsync);
}
