using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Queries;

/// <summary>psql, with its output thrown away.</summary>
internal sealed class PsqlTransfer(PostgresServer server, BenchDatabase database, IEnumerable<string> arguments) : ITransfer
{
    private const string Discard = "exec \"$0\" \"$@\" >/dev/null"; // a pipe to this program would be measured too

    public string Name => "psql";

    public Task PrepareAsync(CancellationToken cancellationToken) => RunAsync(cancellationToken);

    public async Task<TransferRun> RunAsync(CancellationToken cancellationToken)
    {
        var psql = Path.Combine(server.Programs, "psql");
        var run = await ProgramRun.RunAsync(database.Program("/bin", "sh", ["-c", Discard, psql, "--no-psqlrc", .. arguments]), cancellationToken);
        return new TransferRun(run.Seconds, Bytes: null);
    }
}
