using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Which routes there are, and that nothing else is one.</summary>
[CancelAfter(60_000)]
public sealed class RouteTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task The_openapi_document_names_every_route(CancellationToken cancellationToken)
    {
        var document = (await _heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);

        var routes = document.Json.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method => $"{method.Name.ToUpperInvariant()} {path.Name}"));
        Assert.That(routes, Is.SupersetOf(new[]
        {
            "POST /api/v1/job", "POST /api/v1/jobs", "POST /api/v1/resolve", "GET /api/v1/job/{id}", "GET /api/v1/job/{id}/status", "GET /api/v1/job/{id}/result",
            "GET /api/v1/job/{id}/stdout", "GET /api/v1/job/{id}/stderr", "POST /api/v1/job/{id}/cancel", "GET /api/v1/jobs",
            "GET /api/v1/commands", "GET /api/v1/command/{id}", "GET /api/v1/command/{id}/status", "PUT /api/v1/command/{id}/status",
            "GET /api/v1/clusters", "GET /api/v1/cluster/{id}", "GET /api/v1/cluster/{id}/status", "PUT /api/v1/cluster/{id}/status",
            "GET /api/v1/job/statuses", "GET /api/v1/command/statuses", "GET /api/v1/cluster/statuses",
            "GET /api/v1/clusters/health", "GET /api/v1/cluster/{id}/health", "GET /healthz", "GET /readyz",
            "GET /api/v1/sql", "GET /api/v1/sql/{path}", "PUT /api/v1/sql/{path}", "DELETE /api/v1/sql/{path}",
        }));
    }

    [Test]
    public async Task The_openapi_document_describes_a_submission_as_it_is_spelled(CancellationToken cancellationToken)
    {
        var document = (await _heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);

        var fields = document.Json.GetProperty("components").GetProperty("schemas").GetProperty("SubmitJobRequest").GetProperty("properties")
            .EnumerateObject().Select(field => field.Name);
        Assert.That(fields, Is.EqualTo(new[] { "name", "version", "description", "tags", "command_criteria", "cluster_criteria", "context", "start_before", "dry_run" }));
    }

    [TestCase("POST", "/api/v1/jobsanything")]
    [TestCase("GET", "/api/v1/job/anything")]
    [TestCase("GET", "/api/v1/jobsanything")]
    [TestCase("GET", "/api/v2/jobs")]
    [TestCase("GET", "/")]
    [TestCase("POST", "/api/v1/job/")]
    [TestCase("POST", "/api/v1/JOB")]
    [TestCase("POST", "/api/V1/job")]
    [TestCase("GET", "/api/v1/jobs/")]
    [TestCase("GET", "/API/v1/jobs")]
    [TestCase("GET", "/api/v1/cluster/postgres/")]
    [TestCase("GET", "/api/v1/cluster/postgres/Status")]
    [TestCase("GET", "/Healthz")]
    public async Task What_is_no_route_is_not_found(string method, string path, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(new HttpMethod(method), path, cancellationToken);

        reply.AssertProblem(404, path);
    }

    [Test]
    public async Task The_slash_at_the_dashboards_end_is_free(CancellationToken cancellationToken)
    {
        (await _heimdall.GetAsync("/hangfire", cancellationToken)).AssertStatus(200);
        (await _heimdall.GetAsync("/hangfire/", cancellationToken)).AssertStatus(200);
        (await _heimdall.GetAsync("/hangfire/servers", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task A_route_does_not_take_every_method(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/jobs", cancellationToken);

        reply.AssertProblem(405, "DELETE");
    }

    [Test]
    public async Task Alive_and_ready_are_told_apart(CancellationToken cancellationToken)
    {
        var alive = await _heimdall.GetAsync("/healthz", cancellationToken);
        var ready = await _heimdall.GetAsync("/readyz", cancellationToken);

        Assert.That(alive.AssertStatus(200).Text, Is.EqualTo("alive\n"));
        Assert.That(ready.AssertStatus(200).Text, Is.EqualTo("ready\n"));
    }

    [Test]
    public async Task The_statuses_are_listed(CancellationToken cancellationToken)
    {
        var job = await _heimdall.GetAsync("/api/v1/job/statuses", cancellationToken);
        var command = await _heimdall.GetAsync("/api/v1/command/statuses", cancellationToken);
        var cluster = await _heimdall.GetAsync("/api/v1/cluster/statuses", cancellationToken);

        Assert.That(
            JsonSerializer.Deserialize<string[]>(job.Text),
            Is.EqualTo(new[] { "NEW", "ACCEPTED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELING", "CANCELED", "KILLED" }));
        Assert.That(command.Text, Is.EqualTo("""["ACTIVE","INACTIVE"]"""));
        Assert.That(cluster.Text, Is.EqualTo(command.Text));
    }
}
