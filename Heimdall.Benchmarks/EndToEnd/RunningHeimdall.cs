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

/// <summary>An API and a worker, as users run them, with a cluster for each database that will be.</summary>
internal sealed class RunningHeimdall : IAsyncDisposable
{
    private const string WarmUpCluster = "job_warm_up";
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _client;
    private readonly BenchDatabase _store;
    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-bench-").FullName; // the configuration may hold a password
    private readonly List<Companion> _programs = [];

    private RunningHeimdall(HttpClient client, BenchDatabase store)
    {
        _client = client;
        _store = store;
    }

    /// <summary>Starts both programs, and has the worker run a job.</summary>
    /// <param name="server">The store's and the targets'.</param>
    /// <param name="inputs">The folder of the scripts.</param>
    /// <param name="labels">The databases of the jobs to come.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<RunningHeimdall> StartAsync(
        PostgresServer server, InputFolder inputs, IEnumerable<string> labels, CancellationToken cancellationToken)
    {
        await inputs.EnsureAsync(WarmUpScripts.WarmUp, cancellationToken);
        var address = InstanceConfig.FindFreeAddress();
        var store = await server.CreateDatabaseAsync("job_store", cancellationToken);
        var heimdall = new RunningHeimdall(new HttpClient { BaseAddress = new Uri(address), Timeout = Timeout.InfiniteTimeSpan }, store);
        try
        {
            var config = Path.Combine(heimdall._folder, "heimdall.yaml");
            var clusters = labels.Append(WarmUpCluster).ToDictionary(label => label, server.ConnectionStringOf);
            await File.WriteAllTextAsync(config, InstanceConfig.ToYaml(address, store.ConnectionString, inputs.Path, clusters), cancellationToken);
            heimdall.Start("Heimdall.Api", config);
            heimdall.Start("Heimdall.Worker", config);
            await heimdall.WaitUntilReadyAsync(cancellationToken);
            await using var database = await server.CreateDatabaseAsync(WarmUpCluster, cancellationToken);
            await heimdall.RunAsync(WarmUpCluster, new JsonObject { ["query"] = WarmUpScripts.WarmUp.File }, cancellationToken);
            return heimdall;
        }
        catch
        {
            await heimdall.DisposeAsync();
            throw;
        }
    }

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
            var job = await SubmitAsync(label, context, cancellationToken);
            while (job["finished_at"] is null)
            {
                await Task.Delay(Pause, cancellationToken);
                job = await ReadAsync(await _client.GetAsync(new Uri($"/api/v1/job/{job["id"]}", UriKind.Relative), cancellationToken), cancellationToken);
            }
            var http = Stopwatch.GetElapsedTime(started).TotalSeconds;
            return job["status"]!.GetValue<string>() == "SUCCEEDED"
                ? ((job["finished_at"]!.GetValue<DateTime>() - job["started_at"]!.GetValue<DateTime>()).TotalSeconds, http)
                : throw new BenchmarkException($"{job["error"]}");
        }
        finally
        {
            await SetStatusAsync(label, "INACTIVE", cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _programs)
        {
            await program.DisposeAsync();
        }
        _client.Dispose();
        await _store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<JsonObject> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            return response.IsSuccessStatusCode
                ? JsonNode.Parse(body)!.AsObject()
                : throw new BenchmarkException($"The API answered {(int)response.StatusCode}: {ReadDetail(body)}");
        }
    }

    private static string ReadDetail(string body)
    {
        try
        {
            return $"{JsonNode.Parse(body)?["detail"]}";
        }
        catch (JsonException)
        {
            return body;
        }
    }

    private async Task<JsonObject> SubmitAsync(string label, JsonObject context, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/job")
        {
            Content = JsonContent.Create(new JsonObject
            {
                ["name"] = "benchmark",
                ["version"] = "1",
                ["command_criteria"] = new JsonArray("type:postgres"),
                ["cluster_criteria"] = new JsonArray($"_id:{label}"),
                ["context"] = context,
            }),
        };
        request.Headers.Add("Prefer", "wait=60");
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
                throw new BenchmarkException($"Heimdall did not start.\n{ReadLog("Heimdall.Api")}\n{ReadLog("Heimdall.Worker")}");
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
