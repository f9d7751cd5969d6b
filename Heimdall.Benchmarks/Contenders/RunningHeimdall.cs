using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Clients;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>APIs and workers, as users run them, with a store of their own.</summary>
internal sealed class RunningHeimdall : IAsyncDisposable
{
    public const string JobPath = "/api/v1/job";
    public const string JobsPath = "/api/v1/jobs";
    private const string Api = "Heimdall.Api";
    private const string Worker = "Heimdall.Worker";
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HeimdallSetup _setup;
    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-bench-").FullName; // the configuration may hold a password
    private readonly List<Companion> _apis = [];
    private readonly List<Companion> _workers = [];
    private readonly HttpClient _client;

    private RunningHeimdall(HeimdallSetup setup, BenchDatabase store, Uri address)
    {
        (_setup, Store, Address) = (setup, store, address);
        _client = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The first API's.</summary>
    public Uri Address { get; }

    public HttpClient Client => _client;

    public BenchDatabase Store { get; }

    public int ApiProcessId => _apis[0].ProcessId;

    public IReadOnlyList<int> WorkerProcessIds => [.. _workers.Select(worker => worker.ProcessId)];

    public IReadOnlyList<int> ProcessIds => [.. _apis.Concat(_workers).Select(program => program.ProcessId)];

    /// <exception cref="NotAbleException">This version does not know what is asked of it.</exception>
    public static async Task<RunningHeimdall> StartAsync(PostgresServer server, HeimdallSetup setup, CancellationToken cancellationToken)
    {
        var store = await server.CreateDatabaseAsync($"store_{Guid.NewGuid().ToString("N")[..8]}", cancellationToken);
        var heimdall = new RunningHeimdall(setup, store, HeimdallSetup.FindFreeAddress());
        try
        {
            for (var number = 0; number < setup.Apis; number++)
            {
                await heimdall.StartApiAsync(number == 0 ? heimdall.Address : HeimdallSetup.FindFreeAddress(), cancellationToken);
            }
            await heimdall.StartWorkersAsync(setup.Workers, cancellationToken);
            return heimdall;
        }
        catch
        {
            await heimdall.DisposeAsync();
            throw;
        }
    }

    public async Task StartWorkersAsync(int count, CancellationToken cancellationToken)
    {
        for (var number = 0; number < count; number++)
        {
            _workers.Add(await StartAsync(Worker, Address, cancellationToken));
        }
    }

    public Task StopWorkersAsync(CancellationToken cancellationToken) => StopAsync(_workers, cancellationToken);

    public Task StopApisAsync(CancellationToken cancellationToken) => StopAsync(_apis, cancellationToken);

    /// <summary>What callers send to have a job run.</summary>
    public static JsonObject JobOf(string cluster, JsonObject context) => new()
    {
        ["name"] = "benchmark",
        ["version"] = "1",
        ["command_criteria"] = new JsonArray("type:postgres"),
        ["cluster_criteria"] = new JsonArray($"_id:{cluster}"),
        ["context"] = context,
    };

    /// <summary>The context of a batch.</summary>
    public static JsonObject Batch(string sql) => new() { ["query"] = sql };

    /// <summary>Puts a job into the queue.</summary>
    /// <returns>The job, as far as it has come.</returns>
    public Task<JsonNode> SubmitAsync(string cluster, JsonObject context, string preference, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, JobPath, JobOf(cluster, context), [("Prefer", preference)], cancellationToken);

    /// <summary>Puts many jobs into the queue, in one request.</summary>
    public Task SubmitManyAsync(IEnumerable<JsonObject> jobs, string user, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, JobsPath, new JsonArray([.. jobs]), [("X-Heimdall-User", user)], cancellationToken);

    /// <summary>Puts a job into the queue and waits for its end.</summary>
    /// <exception cref="BenchmarkException">The job failed, or was not taken.</exception>
    public async Task<JsonNode> RunQueuedAsync(string cluster, JsonObject context, string preference, CancellationToken cancellationToken)
    {
        var job = await SubmitAsync(cluster, context, preference, cancellationToken);
        while (job["finished_at"] is null)
        {
            await Task.Delay(Pause, cancellationToken);
            job = await FindAsync($"{job["id"]}", cancellationToken);
        }
        return $"{job["status"]}" == "SUCCEEDED" ? job : throw new BenchmarkException($"{job["error"]}");
    }

    public Task<JsonNode> FindAsync(string id, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, $"{JobPath}/{id}", body: null, [], cancellationToken);

    /// <param name="cluster">Its name.</param>
    /// <param name="status">ACTIVE or INACTIVE: an active cluster is probed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task SetStatusAsync(string cluster, string status, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, $"/api/v1/cluster/{cluster}/status", new JsonObject { ["status"] = status }, [], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _workers.Concat(_apis))
        {
            await program.DisposeAsync();
        }
        _client.Dispose();
        await Store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task StopAsync(List<Companion> programs, CancellationToken cancellationToken)
    {
        foreach (var program in programs)
        {
            await program.StopAsync(cancellationToken);
            await program.DisposeAsync();
        }
        programs.Clear();
    }

    private async Task<JsonNode> SendAsync(
        HttpMethod method, string path, JsonNode? body, IEnumerable<(string Name, string Value)> headers, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }
        return await Reply.JsonAsync(_client, request, cancellationToken);
    }

    private async Task StartApiAsync(Uri address, CancellationToken cancellationToken)
    {
        var api = await StartAsync(Api, address, cancellationToken);
        _apis.Add(api);
        for (var started = Stopwatch.GetTimestamp(); !await IsReadyAsync(address, cancellationToken); await Task.Delay(Pause, cancellationToken))
        {
            if (!api.HasExited && Stopwatch.GetElapsedTime(started) < StartTime)
            {
                continue;
            }
            var log = await File.ReadAllTextAsync(LogOf(Api), cancellationToken);
            throw log.Contains("max_concurrency", StringComparison.Ordinal)
                ? new NotAbleException("This version has no max_concurrency.")
                : new BenchmarkException($"Heimdall did not start.\n{log}");
        }
    }

    private async Task<Companion> StartAsync(string program, Uri address, CancellationToken cancellationToken)
    {
        var config = Path.Combine(_folder, $"{address.Port}.yaml");
        await File.WriteAllTextAsync(config, _setup.ToYaml(address, Store.ConnectionString), cancellationToken);
        return Companion.Start(LogOf(program), "dotnet", Path.Combine(_setup.Programs, $"{program}.dll"), "--config", config);
    }

    private string LogOf(string program) => Path.Combine(_folder, $"{program}.log");

    private async Task<bool> IsReadyAsync(Uri address, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri(address, "/readyz"), cancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
