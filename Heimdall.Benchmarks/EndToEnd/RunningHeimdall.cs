using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.EndToEnd;

/// <summary>An API and a worker, as users run them, with a cluster for each database.</summary>
internal sealed class RunningHeimdall : IAsyncDisposable
{
    private const string Api = "Heimdall.Api";
    private const string Worker = "Heimdall.Worker";
    private const string WarmUpCluster = "job_warm_up";
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _client;
    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-bench-").FullName; // the configuration may hold a password
    private readonly List<Companion> _programs = [];

    private RunningHeimdall(Uri address, BenchDatabase store)
    {
        Address = address;
        _client = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        Store = store;
    }

    /// <summary>The API's.</summary>
    public Uri Address { get; }

    public BenchDatabase Store { get; }

    public int ApiProcessId => _programs[0].ProcessId;

    /// <summary>Starts both programs, and has the worker run a job.</summary>
    /// <param name="server">The store's and the targets'.</param>
    /// <param name="inputs">The folder of the scripts.</param>
    /// <param name="labels">The databases of the jobs to come.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<RunningHeimdall> StartAsync(
        PostgresServer server, InputFolder inputs, IEnumerable<string> labels, CancellationToken cancellationToken)
    {
        await inputs.EnsureAsync(WarmUpScripts.WarmUp, cancellationToken);
        return await StartAsync(server, inputs.Path, [.. labels, WarmUpCluster], areActive: false, WarmUpAsync, cancellationToken);

        async Task WarmUpAsync(RunningHeimdall heimdall)
        {
            await using var database = await server.CreateDatabaseAsync(WarmUpCluster, cancellationToken);
            await heimdall.RunAsync(WarmUpCluster, new JsonObject { ["query"] = WarmUpScripts.WarmUp.File }, cancellationToken);
        }
    }

    /// <summary>Starts both programs for a database that is there, and stays.</summary>
    public static Task<RunningHeimdall> StartAsync(PostgresServer server, string sqlDirectory, BenchDatabase database, CancellationToken cancellationToken) =>
        StartAsync(server, sqlDirectory, [database.Label], areActive: true, _ => Task.CompletedTask, cancellationToken);

    /// <summary>Runs a job in the database of a label.</summary>
    /// <returns>Seconds from the job's start to its end as the job itself has them, and from the request to the news of the end.</returns>
    /// <exception cref="BenchmarkException">The job failed, or was not taken.</exception>
    public async Task<(double Job, double Http)> RunAsync(string label, JsonObject context, CancellationToken cancellationToken)
    {
        // Inactive but for its run: a cluster that is active is probed, and its database is there for that one run only.
        await SetStatusAsync(label, "ACTIVE", cancellationToken);
        try
        {
            var started = Stopwatch.GetTimestamp();
            var job = await RunQueuedAsync(label, context, "wait=60", cancellationToken);
            var http = Stopwatch.GetElapsedTime(started).TotalSeconds;
            return ((job["finished_at"]!.GetValue<DateTime>() - job["started_at"]!.GetValue<DateTime>()).TotalSeconds, http);
        }
        finally
        {
            await SetStatusAsync(label, "INACTIVE", cancellationToken);
        }
    }

    /// <summary>Puts a job into the queue and waits for its end.</summary>
    /// <param name="label">The database's.</param>
    /// <param name="context">The job's.</param>
    /// <param name="preference">The header Prefer.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The job.</returns>
    /// <exception cref="BenchmarkException">The job failed, or was not taken.</exception>
    public async Task<JsonObject> RunQueuedAsync(string label, JsonObject context, string preference, CancellationToken cancellationToken)
    {
        var job = await SubmitAsync(label, context, preference, cancellationToken);
        while (job["finished_at"] is null)
        {
            await Task.Delay(Pause, cancellationToken);
            job = await ReadAsync(await _client.GetAsync(new Uri($"/api/v1/job/{job["id"]}", UriKind.Relative), cancellationToken), cancellationToken);
        }
        return job["status"]!.GetValue<string>() == "SUCCEEDED" ? job : throw new BenchmarkException($"{job["error"]}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _programs)
        {
            await program.DisposeAsync();
        }
        _client.Dispose();
        await Store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<JsonObject> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            return response.IsSuccessStatusCode
                ? JsonNode.Parse(body)!.AsObject()
                : throw new BenchmarkException($"The API answered {(int)response.StatusCode}: {ProblemText.Of(body)}");
        }
    }

    private static async Task<RunningHeimdall> StartAsync(
        PostgresServer server, string sqlDirectory, IReadOnlyList<string> labels, bool areActive, Func<RunningHeimdall, Task> warmUpAsync, CancellationToken cancellationToken)
    {
        var address = new Uri(InstanceConfig.FindFreeAddress());
        var store = await server.CreateDatabaseAsync($"store_of_{labels[0]}", cancellationToken);
        var heimdall = new RunningHeimdall(address, store);
        try
        {
            var config = Path.Combine(heimdall._folder, "heimdall.yaml");
            var clusters = labels.ToDictionary(label => label, server.ConnectionStringOf);
            var yaml = InstanceConfig.ToYaml(address.GetLeftPart(UriPartial.Authority), store.ConnectionString, sqlDirectory, clusters, areActive);
            await File.WriteAllTextAsync(config, yaml, cancellationToken);
            heimdall.Start(Api, config);
            heimdall.Start(Worker, config);
            await heimdall.WaitUntilReadyAsync(cancellationToken);
            await warmUpAsync(heimdall);
            return heimdall;
        }
        catch
        {
            await heimdall.DisposeAsync();
            throw;
        }
    }

    private async Task<JsonObject> SubmitAsync(string label, JsonObject context, string preference, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, JobRequest.Path)
        {
            Content = JsonContent.Create(JobRequest.Of(label, context)),
        };
        request.Headers.Add("Prefer", preference);
        return await ReadAsync(await _client.SendAsync(request, cancellationToken), cancellationToken);
    }

    private async Task SetStatusAsync(string label, string status, CancellationToken cancellationToken) => await ReadAsync(
        await _client.PutAsJsonAsync($"/api/v1/cluster/{label}/status", new { status }, cancellationToken), cancellationToken);

    private void Start(string program, string config) =>
        _programs.Add(Companion.Start(LogOf(program), "dotnet", Path.Combine(AppContext.BaseDirectory, $"{program}.dll"), "--config", config));

    private string LogOf(string program) => Path.Combine(_folder, $"{program}.log");

    private string ReadLog(string program) => $"{program}:\n{(File.Exists(LogOf(program)) ? File.ReadAllText(LogOf(program)) : "")}";

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); !await IsReadyAsync(cancellationToken); await Task.Delay(Pause, cancellationToken))
        {
            if (_programs.Any(program => program.HasExited) || Stopwatch.GetElapsedTime(started) > StartTime)
            {
                throw new BenchmarkException($"Heimdall did not start.\n{ReadLog(Api)}\n{ReadLog(Worker)}");
            }
        }
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri("/readyz", UriKind.Relative), cancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
