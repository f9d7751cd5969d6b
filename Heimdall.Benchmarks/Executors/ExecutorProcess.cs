using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Executors;

/// <summary>A running <see cref="ExecutorHost"/>. It ends when its stdin is closed.</summary>
internal sealed class ExecutorProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly BenchDatabase _store;

    private ExecutorProcess(Process process, BenchDatabase store)
    {
        _process = process;
        _store = store;
    }

    /// <summary>Starts one that has run a job in the same mode before.</summary>
    /// <param name="server">Where its store and its warm-up job are.</param>
    /// <param name="inputs">The folder of its scripts.</param>
    /// <param name="contextOf">The context of a job that runs a script.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    public static async Task<ExecutorProcess> StartAsync(
        PostgresServer server, InputFolder inputs, Func<Input, JsonObject> contextOf, CancellationToken cancellationToken)
    {
        await inputs.EnsureAsync(WarmUpScripts.WarmUp, cancellationToken);
        var store = await server.CreateDatabaseAsync("executor_store", cancellationToken);
        var start = new ProcessStartInfo("dotnet", [typeof(ExecutorProcess).Assembly.Location, ExecutorHost.Word, inputs.Path])
        {
            Environment = { [ExecutorHost.StoreVariable] = store.ConnectionString }, // may hold a password, which arguments show to everyone
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var executor = new ExecutorProcess(Process.Start(start)!, store);
        try
        {
            await using var database = await server.CreateDatabaseAsync("executor_warm_up", cancellationToken);
            await executor.RunAsync(new(database.ConnectionString, contextOf(WarmUpScripts.WarmUp)), cancellationToken);
            return executor;
        }
        catch
        {
            await executor.DisposeAsync();
            throw;
        }
    }

    /// <exception cref="BenchmarkException">The job failed.</exception>
    public async Task<ExecutorReply> RunAsync(ExecutorRequest request, CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(request).AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
        var line = await _process.StandardOutput.ReadLineAsync(cancellationToken)
            ?? throw new BenchmarkException("The executor's process has ended: see above.");
        var reply = JsonSerializer.Deserialize<ExecutorReply>(line)!;
        return reply.Error is null ? reply : throw new BenchmarkException(reply.Error);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5)))
        {
            await _process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!_process.HasExited)
        {
            _process.Kill(); // in the middle of a job, when the whole run is stopped
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
        await _store.DisposeAsync();
    }
}
