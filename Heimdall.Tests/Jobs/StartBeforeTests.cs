using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that are not worth running any more once a time is over. Each test runs workers of its own.</summary>
[CancelAfter(60_000)]
public sealed class StartBeforeTests() : RealProcessTests(processes: 1)
{
    private const string Never = "It never ran";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, concurrency: 1, drain_timeout: 1s" }, worker: false);
        await GatedBatch.PrepareAsync(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_job_that_no_worker_started_in_time_is_killed_and_never_run(CancellationToken cancellationToken)
    {
        var late = await SubmitAsync("late", TimeSpan.FromSeconds(1), cancellationToken);
        await WaitUntilOverAsync(late, cancellationToken);

        await using var worker = await _heimdall.StartWorkerAsync();

        var job = await _heimdall.WaitForEndAsync(late, cancellationToken);
        await AssertKilledAsync(job, "late", cancellationToken);
    }

    [Test]
    public async Task A_job_whose_time_is_over_behind_others_is_killed_while_it_waits(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();
        var busy = await GatedBatch.StartAsync(_heimdall, "busy", cancellationToken);

        var waiting = await SubmitAsync("waiting", TimeSpan.FromSeconds(1), cancellationToken);
        var job = await _heimdall.WaitForEndAsync(waiting, cancellationToken);
        var before = await _heimdall.JobAsync(busy, cancellationToken);
        await _heimdall.OpenGateAsync("busy", cancellationToken);

        Assert.That(before["status"], Is.EqualTo("RUNNING"), "the only runner of the only worker was busy");
        await AssertKilledAsync(job, "waiting", cancellationToken);
        await _heimdall.WaitForStatusAsync(busy, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task A_job_that_is_started_in_time_runs_and_shows_the_deadline(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();

        var id = await SubmitAsync("punctual", TimeSpan.FromHours(1), cancellationToken);

        var job = await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        Assert.That(job["start_before"], Does.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"));
    }

    [Test]
    public async Task A_job_that_was_started_in_time_and_handed_back_is_run(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("handed", cancellationToken);
        await using var first = _heimdall.StartWorkerProcess();
        var id = await SubmitAsync("handed", TimeSpan.FromHours(1), cancellationToken, HeimdallInstance.WaitAt("handed"));
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken); // not claimed only
        await first.TerminateAsync(cancellationToken);
        await first.WaitForExitAsync(cancellationToken);
        await _heimdall.Store.ExecuteAsync("update heimdall.job set start_before = now() where id = $1", cancellationToken, id);

        await using var second = await _heimdall.StartWorkerAsync();
        await _heimdall.OpenGateAsync("handed", cancellationToken);

        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [TestCase("2020-01-01T00:00:00Z", "in the future")]
    [TestCase("2999-01-01T00:00:00", "RFC 3339")]
    [TestCase("2999-01-01", "RFC 3339")]
    [TestCase("tomorrow", "RFC 3339")]
    public async Task A_time_that_cannot_be_met_is_refused(string time, string why, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(Body("refused", time, "select 1", returnResult: false), cancellationToken);

        reply.AssertProblem(400, "start_before", why);
    }

    [Test]
    public async Task A_query_that_is_answered_at_once_does_not_wait(CancellationToken cancellationToken)
    {
        var body = Body("inline", "2999-01-01T00:00:00+02:00", "select 1", returnResult: true);

        (await _heimdall.PostJobAsync(body, cancellationToken)).AssertProblem(400, "start_before", "respond-async");
        (await _heimdall.PostJobAsync(body, cancellationToken, ("Prefer", "respond-async"))).AssertStatus(202);
    }

    private static string Body(string name, string startBefore, string sql, bool returnResult) => $$$"""
        {"name": "{{{name}}}", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"], "start_before": "{{{startBefore}}}",
         "context": {"query": "{{{sql}}}", "return_result": {{{(returnResult ? "true" : "false")}}}}}
        """;

    private async Task<Guid> SubmitAsync(string name, TimeSpan patience, CancellationToken cancellationToken, string? sql = null)
    {
        var time = DateTime.UtcNow.Add(patience).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", provider: null);
        return (await _heimdall.PostJobAsync(Body(name, time, sql ?? $"insert into effect values ('{name}', 1)", returnResult: false), cancellationToken)).AssertStatus(202).Id;
    }

    private Task WaitUntilOverAsync(Guid id, CancellationToken cancellationToken) => Eventually.Is(
        () => _heimdall.Store.ScalarAsync<bool>("select start_before < now() from heimdall.job where id = $1", cancellationToken, id), cancellationToken);

    private async Task AssertKilledAsync(Reply job, string name, CancellationToken cancellationToken)
    {
        Assert.That(job["status"], Is.EqualTo("KILLED"), job.Text);
        Assert.That(job["error"], Does.Contain("start_before").And.Contain(Never));
        Assert.That(job["attempt"], Is.Null, "it was never started");
        Assert.That(job["started_at"], Is.Null);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, name, cancellationToken), Is.Empty);
        var state = await Eventually.Becomes(() => _heimdall.QueueStateAsync(job.Id, cancellationToken), () => Does.StartWith("Failed"), cancellationToken);
        Assert.That(state, Does.Contain(Never));
    }
}
