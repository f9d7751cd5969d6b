using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Executors;

/// <summary>A running <see cref="ExecutorHost"/>.</summary>
internal sealed class ExecutorProcess : IAsyncDisposable
{
    private readonly InnerProgram _program;
    private readonly BenchDatabase _store;

    private ExecutorProcess(InnerProgram program, BenchDatabase store)
    {
        _program = program;
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
        var program = InnerProgram.Start(ExecutorHost.StoreVariable, store.ConnectionString, ExecutorHost.Word, inputs.Path);
        var executor = new ExecutorProcess(program, store);
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
        await _program.WriteLineAsync(JsonSerializer.Serialize(request), cancellationToken);
        var line = await _program.ReadLineAsync(cancellationToken)
            ?? throw new BenchmarkException("The executor's process has ended: see above.");
        var reply = JsonSerializer.Deserialize<ExecutorReply>(line)!;
        return reply.Error is null ? reply : throw new BenchmarkException(reply.Error);
    }

    public async ValueTask DisposeAsync()
    {
        await _program.DisposeAsync();
        await _store.DisposeAsync();
    }
}
