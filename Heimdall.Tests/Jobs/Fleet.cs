using System.Text.Json.Nodes;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>
/// Heimdall with five databases of one kind: clusters <c>db1</c> to <c>db5</c>, and <c>db6</c>, which is inactive.
/// </summary>
internal sealed class Fleet : IAsyncDisposable
{
    private Fleet(HeimdallInstance heimdall, TestDatabase[] databases, TcpProxy last) =>
        (Heimdall, Databases, Last) = (heimdall, databases, last);

    public HeimdallInstance Heimdall { get; }

    public TestDatabase[] Databases { get; }

    /// <summary>The way to <c>db5</c>.</summary>
    public TcpProxy Last { get; }

    /// <summary>With an API in the tests' process, and no worker.</summary>
    public static async Task<Fleet> StartAsync(
        string worker = "lease: 2s, concurrency: 8", string server = "health_timeout: 5s")
    {
        var databases = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => TestDatabase.CreateAsync()));
        var last = new TcpProxy(databases[4].ConnectionString);
        var heimdall = await HeimdallInstance.StartAsync(
            config =>
            {
                config = (config with { Worker = worker, Server = server })
                    .WithCommand("twin-a", "twin").WithCommand("twin-b", "twin");
                foreach (var (index, database) in databases.Index())
                {
                    var way = index == 4 ? last.Through(database.ConnectionString) : database.ConnectionString;
                    config = config.WithCluster($"db{index + 1}", "type:postgres, data:local, fleet, role:fleet", way);
                }
                return config.WithCluster(
                    "db6", "type:postgres, data:local, fleet, role:fleet", config.Target, ", status: INACTIVE");
            },
            worker: false);
        return new Fleet(heimdall, databases, last);
    }

    public Task<Reply> PostAsync(
        string query, object fanOut, CancellationToken cancellationToken, object? context = null,
        params (string Name, string Value)[] headers) =>
        Heimdall.PostJobAsync(ToJob(query, fanOut, context).ToJsonString(), cancellationToken, headers);

    /// <returns>The parent, with its children in the order in which they begin.</returns>
    public async Task<(Guid Parent, Guid[] Children)> SubmitAsync(
        string query, object fanOut, CancellationToken cancellationToken, object? context = null)
    {
        var parent = (await PostAsync(query, fanOut, cancellationToken, context, ("Prefer", "respond-async")))
            .AssertStatus(202).Id;
        return (parent, [.. (await ChildrenAsync(parent, cancellationToken)).Select(child => child.Id)]);
    }

    public static JsonObject ToJob(string query, object fanOut, object? context = null) => Merge(
        new JsonObject
        {
            ["name"] = "fleet",
            ["target"] = "all",
            ["command_criteria"] = new JsonArray("type:postgres"),
            ["cluster_criteria"] = new JsonArray("fleet"),
            ["context"] = Merge(new JsonObject { ["query"] = query }, context),
        },
        fanOut);

    public async Task<Child[]> ChildrenAsync(Guid parent, CancellationToken cancellationToken)
    {
        var list = await Heimdall.GetAsync($"/api/v1/jobs?parent={parent}&direction=asc", cancellationToken);
        return [.. list.AssertStatus(200).Json.GetProperty("data").EnumerateArray().Select(job => new Child(
            job.GetProperty("id").GetGuid(), job.GetProperty("cluster_id").GetString()!,
            job.GetProperty("status").GetString()!,
            job.TryGetProperty("error", out var error) ? error.GetString() : null))];
    }

    /// <summary>Each child by its cluster and its status, once all have ended.</summary>
    public async Task<string[]> EndsAsync(Guid parent, CancellationToken cancellationToken)
    {
        await Heimdall.WaitForEndAsync(parent, cancellationToken);
        return [.. (await ChildrenAsync(parent, cancellationToken)).Select(child => $"{child.Cluster} {child.Status}")];
    }

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken) =>
        Task.WhenAll(Databases.Select(database => database.ExecuteAsync(sql, cancellationToken)));

    public async Task<long[]> CountAsync(string sql, CancellationToken cancellationToken) =>
        await Task.WhenAll(Databases.Select(database => database.ScalarAsync<long>(sql, cancellationToken)));

    public async ValueTask DisposeAsync()
    {
        await Heimdall.DisposeAsync();
        await Last.DisposeAsync();
        await Task.WhenAll(Databases.Select(database => database.DisposeAsync().AsTask()));
    }

    private static JsonObject Merge(JsonObject target, object? more)
    {
        foreach (var property in more?.GetType().GetProperties() ?? [])
        {
            target[property.Name] = System.Text.Json.JsonSerializer.SerializeToNode(property.GetValue(more));
        }
        return target;
    }

    internal sealed record Child(Guid Id, string Cluster, string Status, string? Error);
}
