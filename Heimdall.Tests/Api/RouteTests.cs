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
            "GET /api/v1/me", "GET /api/v1/keys", "GET /api/v1/sessions", "DELETE /api/v1/session/{id}",
            "GET /api/v1/sql", "GET /api/v1/sql/{path}", "PUT /api/v1/sql/{path}", "DELETE /api/v1/sql/{path}",
        }));
    }

    [Test]
    public async Task The_openapi_document_describes_a_submission_as_it_is_spelled(CancellationToken cancellationToken)
    {
        var document = (await _heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);

        var fields = document.Json.GetProperty("components").GetProperty("schemas").GetProperty("SubmitJobRequest").GetProperty("properties")
            .EnumerateObject().Select(field => field.Name);
        Assert.That(fields, Is.EqualTo(new[] { "name", "version", "description", "tags", "command_criteria", "cluster_criteria", "context", "priority", "after", "start_after", "start_before", "on_end", "target", "max_parallel", "canary", "stop_after_failures", "on_wait_timeout", "dry_run" }));
    }

    [TestCase("/signin")]
    [TestCase("/signin/start?return=/hangfire")]
    [TestCase("/signin/key")]
    [TestCase("/signin-oidc?code=1&state=2")]
    [TestCase("/signout-callback-oidc")]
    public async Task Where_nobody_signs_in_there_is_no_page_for_it(string path, CancellationToken cancellationToken)
    {
        (await _heimdall.GetAsync(path, cancellationToken)).AssertProblem(404);
        (await _heimdall.SendAsync(HttpMethod.Post, "/signout", cancellationToken)).AssertProblem(404, "auth.oidc");
    }

    [TestCase("POST", "/api/v1/jobsanything")]
    [TestCase("GET", "/api/v1/job/anything")]
    [TestCase("GET", "/api/v1/jobsanything")]
    [TestCase("GET", "/api/v2/jobs")]
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

    [TestCase("POST", "/api/v1/job/", "Did you mean POST /api/v1/job?")]
    [TestCase("POST", "/api/V1/Job", "Did you mean POST /api/v1/job?")]
    [TestCase("POST", "/api/job", "Did you mean POST /api/v1/job?")]
    [TestCase("POST", "/v1/job", "Did you mean POST /api/v1/job?")]
    [TestCase("GET", "/api/v2/jobs", "Did you mean GET /api/v1/jobs?")]
    [TestCase("GET", "/jobs", "Did you mean GET /api/v1/jobs?")]
    [TestCase("GET", "/api/v1/cluster", "Did you mean GET /api/v1/clusters?")]
    [TestCase("GET", "/api/v1/clusters/Postgres", "Did you mean GET /api/v1/cluster/Postgres?")]
    [TestCase("GET", "/api/v1/jobs/0198c0de-0000-7000-8000-000000000000", "Did you mean GET /api/v1/job/0198c0de-0000-7000-8000-000000000000?")]
    [TestCase("DELETE", "/v1/jobs", "/api/v1/jobs takes GET, POST.")]
    [TestCase("PUT", "/api/job", "/api/v1/job takes POST.")]
    [TestCase("GET", "/api/v1/job/123", "The id of a job is a UUID, such as 01980f3e-0000-7000-8000-000000000000; '123' is none.")]
    [TestCase("POST", "/job/123/cancel", "The id of a job is a UUID, such as 01980f3e-0000-7000-8000-000000000000; '123' is none.")]
    [TestCase("GET", "/health", "Did you mean GET /healthz?")]
    [TestCase("GET", "/api/v1/health", "Did you mean GET /healthz?")]
    [TestCase("GET", "/ready", "Did you mean GET /readyz?")]
    [TestCase("GET", "/swagger", "Did you mean GET /openapi/v1.json?")]
    [TestCase("GET", "/dashboard", "Did you mean GET /hangfire?")]
    [TestCase("GET", "/openapi/v1", "GET /openapi/v1.json lists what there is.")]
    [TestCase("GET", "/OpenApi/v1.json", "Did you mean GET /openapi/v1.json?")]
    [TestCase("GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "GET /openapi/v1.json lists what there is.")]
    [TestCase("GET", "/api/v1/nothing", "GET /openapi/v1.json lists what there is.")]
    [TestCase("GET", "//", "GET /openapi/v1.json lists what there is.")]
    public async Task A_route_that_is_not_there_names_the_one_that_was_meant(
        string method, string path, string suggestion, CancellationToken cancellationToken)
    {
        var (status, text) = await RawRequest.SendAsync(_heimdall.Address, method, path, "", cancellationToken);

        Assert.That(status, Is.EqualTo(404), text);
        Assert.That(text, Does.Contain($"There is no {method} {path}. {suggestion}\""));
    }

    [TestCase("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "GET")]
    [TestCase("text/html", "HEAD")]
    [TestCase("application/json;q=0.5, text/html;q=0.6", "GET")]
    public async Task A_browser_is_sent_to_the_dashboard(string accept, string method, CancellationToken cancellationToken)
    {
        var (status, text) = await SendRawAsync(method, "/", accept, cancellationToken);

        Assert.That(status, Is.EqualTo(302), text);
        Assert.That(text, Does.Contain("Location: /hangfire\r\n").And.Contain("Vary: Accept"));
    }

    [TestCase("*/*")]
    [TestCase("application/json")]
    [TestCase("text/html;q=0.5, application/json")]
    [TestCase("text/plain")]
    [TestCase("nonsense")]
    public async Task A_program_is_shown_what_there_is(string accept, CancellationToken cancellationToken)
    {
        var reply = (await _heimdall.SendAsync(HttpMethod.Get, "/", cancellationToken, headers: ("Accept", accept))).AssertStatus(200);

        Assert.That(reply.ContentType, Is.EqualTo("application/json"));
        string[] links =
        [
            reply["openapi"]!, reply["dashboard"]!, $"{reply["api"]}/jobs", reply.Json.GetProperty("health").GetProperty("alive").GetString()!,
            reply.Json.GetProperty("health").GetProperty("ready").GetString()!,
        ];
        foreach (var link in links)
        {
            (await _heimdall.GetAsync(link, cancellationToken)).AssertStatus(200);
        }
    }

    [TestCase("/")]
    [TestCase("/healthz")]
    [TestCase("/readyz")]
    public async Task A_head_is_answered_like_a_get_without_its_body(string path, CancellationToken cancellationToken)
    {
        var (status, text) = await SendRawAsync("HEAD", path, "*/*", cancellationToken);

        Assert.That(status, Is.EqualTo(200), text);
        Assert.That(text, Does.EndWith("\r\n\r\n"));
    }

    [TestCase("/Hangfire", "/hangfire")]
    [TestCase("/HANGFIRE/jobs/enqueued?from=0&count=10", "/hangfire/jobs/enqueued?from=0&count=10")]
    [TestCase("/Hangfire//evil.example/%0d%0aX:%20y", "/hangfire//evil.example/%0D%0AX:%20y")]
    public async Task The_dashboard_is_found_in_other_letters(string path, string right, CancellationToken cancellationToken)
    {
        var (status, text) = await RawRequest.SendAsync(_heimdall.Address, "GET", path, "", cancellationToken);

        Assert.That(status, Is.EqualTo(302), text);
        Assert.That(text, Does.Contain($"Location: {right}\r\n"));
    }

    [Test]
    public async Task The_numbers_of_the_dashboard_are_not_read_by_get(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.GetAsync("/hangfire/stats", cancellationToken);

        reply.AssertProblem(405, "/hangfire/stats does not take GET. It takes POST.");
    }

    [TestCase("GET", "/hangfire/jobs/failed/requeue", "POST")]
    [TestCase("GET", "/hangfire/recurring/trigger", "POST")]
    [TestCase("PUT", "/hangfire/jobs/enqueued/delete", "POST")]
    [TestCase("PUT", "/hangfire/sql/jobs", "GET, POST")]
    public async Task A_page_of_the_dashboard_takes_no_other_method(
        string method, string path, string allowed, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(new HttpMethod(method), path, cancellationToken);

        reply.AssertProblem(405, $"{path} does not take {method}. It takes {allowed}.");
    }

    [TestCase("01980f3e-0000-7000-8000-000000000000")]
    [TestCase("x")]
    [TestCase("99999999999999999999")]
    public async Task A_job_that_Hangfire_cannot_have_is_not_there(string id, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.GetAsync($"/hangfire/jobs/details/{id}", cancellationToken);

        reply.AssertProblem(404, "/hangfire/sql/jobs");
    }

    [TestCase("application/json", "{}", 415)]
    [TestCase("multipart/form-data", "x", 400)]
    [TestCase("multipart/form-data; boundary=a", "--a\r\nnonsense", 400)]
    [TestCase("multipart/form-data; boundary=a", "{}", 400)]
    public async Task What_is_no_form_is_no_error_of_the_dashboard(string type, string body, int status, CancellationToken cancellationToken)
    {
        foreach (var path in new[] { "/hangfire/stats", "/hangfire/sql/pauses/end" })
        {
            using var content = new StringContent(body);
            content.Headers.Remove("Content-Type");
            content.Headers.TryAddWithoutValidation("Content-Type", type);

            var reply = await _heimdall.SendAsync(HttpMethod.Post, path, cancellationToken, content);

            reply.AssertProblem(status, "form");
        }
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

        reply.AssertProblem(405, "/api/v1/jobs does not take DELETE. It takes GET, POST.");
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
            Is.EqualTo(new[]
            {
                "NEW", "WAITING_FOR_APPROVAL", "ACCEPTED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELING", "CANCELED",
                "KILLED",
            }));
        Assert.That(command.Text, Is.EqualTo("""["ACTIVE","INACTIVE"]"""));
        Assert.That(cluster.Text, Is.EqualTo(command.Text));
    }

    private async Task<(int Status, string Text)> SendRawAsync(string method, string path, string accept, CancellationToken cancellationToken)
    {
        using var client = await RawRequest.BeginAsync(
            _heimdall.Address, $"{method} {path} HTTP/1.1\r\nHost: {_heimdall.Address.Authority}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n", cancellationToken);
        using var reader = new StreamReader(client.GetStream());
        var reply = await reader.ReadToEndAsync(cancellationToken);
        return (int.Parse(reply.Split(' ')[1], provider: null), reply);
    }
}
