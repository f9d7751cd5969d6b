using System.Runtime.InteropServices;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Suites;
using Heimdall.Core.ConnectionStrings;
using Npgsql;

const int failed = 1;
const int wrongArguments = 2; // as shells do

Suite[] suites = [ScriptsSuite.Suite, QueriesSuite.Suite, ListsSuite.Suite, QueueSuite.Suite, RetentionSuite.Suite, FrontDoorSuite.Suite];
var help = $"""
    usage: dotnet run -c Release --project Heimdall.Benchmarks -- SUITE [options]

    {string.Join("\n", suites.Select(suite => $"  {suite.Name,-10} {suite.Summary}"))}

    SUITE --help lists a suite's options and rows. For a server other than the private one that each run starts:
      HEIMDALL_BENCH_DB       connection string of a superuser
      HEIMDALL_BENCH_PG_BIN   directory of psql, pg_dump and pgbench; default: the newest PostgreSQL of this machine

    """;
if (args is [] or ["--help" or "-h", ..])
{
    Console.Write(help);
    return args is [] ? wrongArguments : 0;
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
    switch (args)
    {
        case [BareHandler.Word, var lookup]:
            return await BareHandler.ServeAsync(lookup, stop.Token);
        case [StockHangfire.Word, ..]:
            return await StockHangfire.ServeAsync(args[1..], stop.Token);
    }
    if (suites.FirstOrDefault(suite => suite.Name == args[0]) is { } chosen)
    {
        return await chosen.RunAsync(args[1..], stop.Token);
    }
    await Console.Error.WriteLineAsync($"'{args[0]}' is no suite.\n{help}");
    return wrongArguments;
}
catch (BenchmarkException exception)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return failed;
}
catch (Exception exception) when (exception is NpgsqlException or ConnectionStringException)
{
    await Console.Error.WriteLineAsync($"PostgreSQL: {exception.Message}");
    return failed;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Stopped.");
    return failed;
}
