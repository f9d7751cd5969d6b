using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>A cluster on which no job may run for long, whatever its command allows.</summary>
[CancelAfter(120_000)]
public sealed class ClusterCeilingTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config
        .WithCommand("patient", "type:patient", ", context: {max_timeout_seconds: 600, timeout_seconds: 500}")
        .WithCommand("brief", "type:brief", ", context: {max_timeout_seconds: 1}")
        .WithCluster("hasty", "type:postgres, data:local", config.Target, context: ", max_timeout_seconds: 2"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_job_that_wants_longer_is_refused([Values] bool returnResult, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1", returnResult, cancellationToken, command: "type:patient", cluster: "_id:hasty", more: new { timeout_seconds = 3 });

        reply.AssertStatus(400);
        Assert.That(reply.Text, Does.Contain("context.timeout_seconds").And.Contain("max_timeout_seconds of 2"));
    }

    [TestCase("type:postgres", "2 s")]
    [TestCase("type:patient", "2 s")]
    [TestCase("type:brief", "1 s")]
    public async Task A_batch_is_stopped_at_the_lower_of_both(string command, string limit, CancellationToken cancellationToken)
    {
        // What a session can reset is no wall.
        var id = (await _heimdall.SubmitAsync(
            "set statement_timeout = 0; select pg_sleep(600)", returnResult: false, cancellationToken, command: command, cluster: "_id:hasty")).AssertStatus(202).Id;

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("KILLED"), job.Text);
        Assert.That(job["error"], Does.Contain(limit), job.Text);
    }

    [Test]
    public async Task A_query_is_stopped_too(CancellationToken cancellationToken) =>
        (await _heimdall.SubmitAsync("select pg_sleep(600)", returnResult: true, cancellationToken, cluster: "_id:hasty")).AssertProblem(504);
}
