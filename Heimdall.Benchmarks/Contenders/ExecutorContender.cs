using Heimdall.Benchmarks.Executors;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>Heimdall's executor alone, already running, that stores all a worker stores.</summary>
internal sealed class ExecutorContender(PostgresServer server, InputFolder inputs) : IContender, IAsyncDisposable
{
    private ExecutorProcess? _process;

    public string Name => "Heimdall";

    /// <summary>A process for each row: what the row before has left of memory would hide what this one takes.</summary>
    public async Task PrepareAsync(ScriptRow row, CancellationToken cancellationToken)
    {
        await DisposeAsync();
        _process = await ExecutorProcess.StartAsync(server, inputs, row.ContextOf, cancellationToken);
    }

    public async Task<TimedRun> RunAsync(ScriptRow row, BenchDatabase database, CancellationToken cancellationToken)
    {
        var reply = await _process!.RunAsync(new(database.ConnectionString, row.ContextOf(row.Input)), cancellationToken);
        return new TimedRun { Seconds = reply.Seconds, PeakBytes = reply.PeakBytes };
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }
}
