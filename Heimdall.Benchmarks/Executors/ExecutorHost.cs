using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Processes;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres;
using Heimdall.Plugins.Postgres.Connections;

namespace Heimdall.Benchmarks.Executors;

/// <summary>
/// Heimdall's executor in a process of its own, like a worker's without the queue: so its memory is its own, and one that is warm
/// stays so.
/// </summary>
internal static class ExecutorHost
{
    /// <summary>Not for people: <see cref="ExecutorProcess"/> calls it.</summary>
    public const string Word = "executor";

    /// <summary>The environment variable with the connection string of the store.</summary>
    public const string StoreVariable = "HEIMDALL_BENCH_STORE";

    /// <param name="args">The folder of the scripts.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        await using var store = await ExecutorStore.OpenAsync(Environment.GetEnvironmentVariable(StoreVariable)!, cancellationToken);
        await using var connections = new ClusterConnections();
        var plugin = new PostgresPlugin(connections, new ScriptFolder(args[0]));
        while (await Console.In.ReadLineAsync(cancellationToken) is { } line)
        {
            var request = JsonSerializer.Deserialize<ExecutorRequest>(line)!;
            Console.WriteLine(JsonSerializer.Serialize(await RunAsync(plugin, store, request, cancellationToken)));
        }
        return 0;
    }

    private static async Task<ExecutorReply> RunAsync(PostgresPlugin plugin, ExecutorStore store, ExecutorRequest request, CancellationToken cancellationToken)
    {
        var job = new PluginJob
        {
            Id = Guid.CreateVersion7(),
            Attempt = 1,
            TargetCluster = new PluginCluster("bench", new JsonObject { ["connection_string"] = request.ConnectionString }),
            CommandContext = [],
            Context = request.Context,
        };
        await using var attempt = request.IsRecorded ? await store.BeginAsync(job, cancellationToken) : null;
        if (request.IsTrimmed)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
        ProcessMemory.TryResetPeak(Environment.ProcessId); // where it is forbidden, the peak also covers the warm-up, which needs less than any script
        var idle = ProcessMemory.Of(Environment.ProcessId);
        string? error = null;
        var started = Stopwatch.GetTimestamp();
        try
        {
            var progress = await plugin.RunAsync(job, attempt?.Monitor ?? NullMonitor.Instance, cancellationToken);
            if (attempt is not null)
            {
                await attempt.SettleAsync(progress);
            }
        }
        catch (Exception e) when (e is JobFailedException or JobRefusedException)
        {
            error = e.Message;
        }
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new ExecutorReply(seconds, idle?.Bytes, ProcessMemory.Of(Environment.ProcessId)?.PeakBytes, error);
    }
}
