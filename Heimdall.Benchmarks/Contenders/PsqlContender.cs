using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>psql, as a careful person starts it.</summary>
internal sealed class PsqlContender(PostgresServer server, InputFolder inputs) : IContender
{
    public string Name => "psql";

    public Task PrepareAsync(ScriptRow row, CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task<TimedRun> RunAsync(ScriptRow row, BenchDatabase database, CancellationToken cancellationToken)
    {
        string[] mode = row.IsSingle ? ["--single-transaction"] : [];
        var psql = database.Program(server.Programs, "psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", .. mode, $"--file={inputs.PathOf(row.Input)}"]);
        var run = await ProgramRun.RunAsync(psql, cancellationToken);
        return new TimedRun { Seconds = run.Seconds, PeakBytes = run.PeakBytes };
    }
}
