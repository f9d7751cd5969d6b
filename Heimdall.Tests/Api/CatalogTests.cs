using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

[CancelAfter(60_000)]
public sealed class CatalogTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config
            .WithCommand("switched", "type:switched", ", context: {timeout_seconds: 5}")
            .WithCommand("remembered", "type:remembered")
            .WithCluster("switched", "type:postgres, data:local, data:switched", config.Target)
            .WithCluster("down", "type:postgres, data:local, data:down", "postgresql://127.0.0.1:1/nothing"),
        worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Commands_are_shown_as_configured(CancellationToken cancellationToken)
    {
        var list = await _heimdall.GetAsync("/api/v1/commands", cancellationToken);
        var one = await _heimdall.GetAsync("/api/v1/command/postgres-0.0.1", cancellationToken);

        Assert.That(Ids(list), Is.EqualTo(new[] { "postgres-0.0.1", "remembered", "switched" }));
        Assert.That(one.AssertStatus(200)["name"], Is.EqualTo("postgres-0.0.1"));
        Assert.That(one["description"], Is.EqualTo("Runs SQL"));
        Assert.That(one["status"], Is.EqualTo("ACTIVE"));
        Assert.That(one["plugin"], Is.EqualTo("postgres"));
        Assert.That(one["tags"], Is.EqualTo("""["type:postgres"]"""));
        Assert.That(one["cluster_tags"], Is.EqualTo("""["type:postgres","data:local"]"""));
    }

    [Test]
    public async Task Clusters_are_shown_without_the_way_to_them(CancellationToken cancellationToken)
    {
        var list = await _heimdall.GetAsync("/api/v1/clusters", cancellationToken);
        var one = await _heimdall.GetAsync("/api/v1/cluster/postgres", cancellationToken);

        Assert.That(Ids(list), Is.EqualTo(new[] { "down", "postgres", "switched" }));
        Assert.That(one.AssertStatus(200)["name"], Is.EqualTo("postgres"));
        Assert.That(one["tags"], Is.EqualTo("""["type:postgres","data:local"]"""));
        Assert.That(one["context"], Is.Null);
        Assert.That(list.Text + one.Text, Does.Not.Contain("connection_string").And.Not.Contain("127.0.0.1"));
    }

    [TestCase("command", "type:switched", "_id:postgres")]
    [TestCase("cluster", "type:postgres", "data:switched")]
    public async Task A_status_takes_effect_at_once(string kind, string command, string cluster, CancellationToken cancellationToken)
    {
        var path = $"/api/v1/{kind}/switched/status";

        var off = await PutAsync(path, "INACTIVE", cancellationToken);
        var whileOff = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: command, cluster: cluster);
        var shown = await _heimdall.GetAsync($"/api/v1/{kind}/switched", cancellationToken);
        var status = await _heimdall.GetAsync(path, cancellationToken);
        var on = await PutAsync(path, "active", cancellationToken);
        var whileOn = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: command, cluster: cluster);

        Assert.That(off.AssertStatus(200).Text, Is.EqualTo("""{"id":"switched","status":"INACTIVE"}"""));
        whileOff.AssertProblem(422, "inactive: [switched]");
        Assert.That(shown["status"], Is.EqualTo("INACTIVE"));
        Assert.That(status.Text, Is.EqualTo(off.Text));
        Assert.That(on.AssertStatus(200)["status"], Is.EqualTo("ACTIVE"));
        whileOn.AssertStatus(200);
    }

    [Test]
    public async Task A_change_by_another_process_takes_effect_within_a_second_or_so(CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync("update heimdall.command set description = 'edited' where id = 'switched'; notify heimdall_catalog", cancellationToken);

        await Eventually.Is(
            async () => (await _heimdall.GetAsync("/api/v1/command/switched", cancellationToken))["description"] == "edited", cancellationToken);
    }

    [Test]
    public async Task A_status_is_remembered_over_a_restart(CancellationToken cancellationToken)
    {
        await PutAsync("/api/v1/command/remembered/status", "INACTIVE", cancellationToken);

        await _heimdall.RestartApiAsync();

        var status = (await _heimdall.GetAsync("/api/v1/command/remembered/status", cancellationToken)).AssertStatus(200);
        Assert.That(status["status"], Is.EqualTo("INACTIVE"));
    }

    [Test]
    public async Task A_probe_tells_which_cluster_answers(CancellationToken cancellationToken)
    {
        var up = await _heimdall.GetAsync("/api/v1/cluster/postgres/health", cancellationToken);
        var down = await _heimdall.GetAsync("/api/v1/cluster/down/health", cancellationToken);
        var all = await _heimdall.GetAsync("/api/v1/clusters/health", cancellationToken);

        Assert.That(up.AssertStatus(200)["healthy"], Is.EqualTo("True"));
        Assert.That(down.AssertStatus(503)["healthy"], Is.EqualTo("False"));
        Assert.That(down["error"], Is.Not.Empty.And.Not.Contain("127.0.0.1"));
        Assert.That(all.AssertStatus(503)["healthy"], Is.EqualTo("False"));
        var clusters = all.Json.GetProperty("clusters").EnumerateArray()
            .ToDictionary(cluster => cluster.GetProperty("id").GetString()!, cluster => cluster.GetProperty("healthy").GetBoolean());
        Assert.That(clusters["postgres"]);
        Assert.That(clusters["down"], Is.False);
    }

    private Task<Reply> PutAsync(string path, string status, CancellationToken cancellationToken) => _heimdall.SendAsync(
        HttpMethod.Put, path, cancellationToken, new StringContent(JsonSerializer.Serialize(new { status }), Encoding.UTF8, "application/json"));

    private static IEnumerable<string?> Ids(Reply list) => list.AssertStatus(200).Json.EnumerateArray().Select(item => item.GetProperty("id").GetString());
}
