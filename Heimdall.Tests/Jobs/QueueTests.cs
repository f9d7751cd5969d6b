using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs in the queue while no worker takes them out, as the API, Hangfire's tables and its dashboard show them.</summary>
[CancelAfter(60_000)]
public sealed partial class QueueTests
{
    private const int MaxQueued = 5;

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with { Server = $"max_queued_per_caller: {MaxQueued}" }, worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Only_the_id_of_a_job_crosses_the_queue(CancellationToken cancellationToken)
    {
        var id = await EnqueueAsync("wire", cancellationToken);

        // A wire contract: a worker of the last release must understand what an API of this one queues, and the other way round.
        Assert.That(
            await _heimdall.Store.ColumnAsync<string>(QueuedSql("arguments"), cancellationToken, id),
            Is.EqualTo(new[] { $"""["\"{id}\"", null]""" }));
        var invocation = await _heimdall.Store.ScalarAsync<string>(QueuedSql("invocationdata"), cancellationToken, id);
        var fields = JsonDocument.Parse(invocation).RootElement.EnumerateObject()
            .ToDictionary(field => field.Name, field => field.Value.GetString());
        Assert.That(fields, Is.EquivalentTo(new Dictionary<string, string>
        {
            ["Type"] = "Heimdall.Core.Queue.IJobRunner, Heimdall.Core",
            ["Method"] = "RunAsync",
            ["ParameterTypes"] = """["System.Guid, mscorlib","System.Threading.CancellationToken, mscorlib"]""",
            ["Arguments"] = $"""["\"{id}\"",null]""",
        }));
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from hangfire.jobqueue", cancellationToken), Is.Zero, "the row is the place");
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from hangfire.jobparameter", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_queued_job_is_canceled_at_once(CancellationToken cancellationToken)
    {
        var id = await EnqueueAsync("early", cancellationToken);

        var reply = await _heimdall.CancelAsync(id, cancellationToken);

        Assert.That(reply.AssertStatus(200)["status"], Is.EqualTo("CANCELED"));
        Assert.That(reply["canceled_by"], Is.EqualTo("anonymous"));
        Assert.That(await _heimdall.QueueStateAsync(id, cancellationToken), Does.StartWith("Deleted"));
        var again = await _heimdall.CancelAsync(id, cancellationToken);
        again.AssertProblem(409, "CANCELED");
    }

    [Test]
    public async Task A_caller_cannot_have_too_many_jobs_in_the_queue(CancellationToken cancellationToken)
    {
        var ids = new List<Guid>();
        for (var i = 0; i < MaxQueued; i++)
        {
            ids.Add(await EnqueueAsync("greedy", cancellationToken));
        }

        var tooMany = await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: "greedy");
        var other = await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: "modest");
        await _heimdall.CancelAsync(ids[0], cancellationToken);

        tooMany.AssertProblem(429, "greedy");
        Assert.That(tooMany.Header("Retry-After"), Is.Not.Null);
        Assert.That(tooMany.Header("RateLimit"), Is.Null, "there is no unit for jobs that wait");
        other.AssertStatus(202);
        // A count that took long holds for a while.
        await Eventually.Becomes(
            async () => (await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: "greedy")).Status,
            () => Is.EqualTo(HttpStatusCode.Accepted),
            cancellationToken);
    }

    [Test]
    public async Task The_dashboard_shows_a_job_by_name_and_id(CancellationToken cancellationToken)
    {
        var id = await EnqueueAsync("shown", cancellationToken, "nightly <load>");

        var page = await _heimdall.GetAsync("/hangfire/jobs/enqueued/default?count=500", cancellationToken);

        Assert.That(page.AssertStatus(200).Text, Does.Contain($"nightly &lt;load&gt; ({id})").And.Not.Contain("<load>"));
    }

    [Test]
    public async Task The_pages_of_the_queue_engine_change_nothing(CancellationToken cancellationToken)
    {
        var id = await EnqueueAsync("kept", cancellationToken);
        var queueId = await _heimdall.Store.ScalarAsync<string>("select queue_id from heimdall.job where id = $1", cancellationToken, id);
        var page = (await _heimdall.GetAsync("/hangfire/jobs/enqueued/default", cancellationToken)).AssertStatus(200);
        var token = Token().Match(page.Text);

        foreach (var button in new[] { "/hangfire/jobs/enqueued/delete", $"/hangfire/jobs/actions/requeue/{queueId}" })
        {
            using var form = new FormUrlEncodedContent([new("jobs[]", queueId)]);
            var pressed = await _heimdall.SendAsync(
                HttpMethod.Post, button, cancellationToken, form, (token.Groups["header"].Value, token.Groups["token"].Value));

            pressed.AssertProblem(403, "The pages of the queue engine are for reading.");
        }
        Assert.That(page.Text, Does.Not.Contain("js-jobs-list-command"), "they have no buttons");
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("ACCEPTED"));
    }

    [Test]
    public async Task A_worker_that_starts_later_runs_what_waits(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var waiting = await heimdall.EnqueueAsync("select 1", cancellationToken);
        var canceled = await heimdall.EnqueueAsync("create table never (id int)", cancellationToken);
        await heimdall.CancelAsync(canceled, cancellationToken);

        await heimdall.StartWorkerAsync();

        await heimdall.WaitForStatusAsync(waiting, "SUCCEEDED", cancellationToken);
        Assert.That((await heimdall.JobAsync(canceled, cancellationToken))["status"], Is.EqualTo("CANCELED"));
        Assert.That(await heimdall.Target.ScalarAsync<bool>("select to_regclass('never') is null", cancellationToken));
    }

    private async Task<Guid> EnqueueAsync(string user, CancellationToken cancellationToken, string name = "test") =>
        (await _heimdall.SubmitAsync("select 'a secret of mine'", returnResult: false, cancellationToken, name, user: user)).AssertStatus(202).Id;

    private static string QueuedSql(string column) =>
        $"select {column}::text from hangfire.job where id = (select queue_id::bigint from heimdall.job where id = $1)";

    [GeneratedRegex("(?<header>RequestVerificationToken).*?(?<token>CfDJ[\\w-]+)", RegexOptions.Singleline)]
    private static partial Regex Token();
}
