using System.Net.Http.Json;
using Heimdall.Tests.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Runs of schedules that somebody has to approve.</summary>
[CancelAfter(120_000)]
public sealed class ScheduleApprovalTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(Approvals.Configure);
        Approvals.AskAsAdmin(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_run_waits_and_neither_owner_nor_editor_nor_trigger_approves_it(
        CancellationToken cancellationToken)
    {
        await PutAsync("alice", "nightly", cancellationToken);
        await PutAsync("otto", "nightly", cancellationToken);

        var run = await _heimdall.PostAsync("olga", "/api/v1/schedule/nightly/trigger", cancellationToken);

        var id = run.AssertStatus(202).Json.GetProperty("job_id").GetGuid();
        var job = await _heimdall.JobAsync(id, cancellationToken);
        Assert.That((job["status"], job["user"]), Is.EqualTo(("WAITING_FOR_APPROVAL", "alice")));
        (await _heimdall.ApproveAsync("alice", id, cancellationToken)).AssertProblem(403);
        (await _heimdall.ApproveAsync("otto", id, cancellationToken)).AssertProblem(403, "asked for job");
        (await _heimdall.ApproveAsync("olga", id, cancellationToken)).AssertProblem(403, "asked for job");
        (await _heimdall.ApproveAsync("odo", id, cancellationToken)).AssertStatus(200);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task A_run_that_waits_is_a_run_that_has_not_ended(CancellationToken cancellationToken)
    {
        await PutAsync("alice", "skipping", cancellationToken, overlap: "skip");
        var first = await _heimdall.PostAsync("alice", "/api/v1/schedule/skipping/trigger", cancellationToken);
        var id = first.AssertStatus(202).Json.GetProperty("job_id").GetGuid();

        var second = await _heimdall.PostAsync("alice", "/api/v1/schedule/skipping/trigger", cancellationToken);

        second.AssertProblem(409, $"job {id}");
    }

    [Test]
    public async Task A_run_that_waits_is_replaced_by_the_next(CancellationToken cancellationToken)
    {
        await PutAsync("alice", "replacing", cancellationToken, overlap: "replace");
        var first = (await _heimdall.PostAsync("alice", "/api/v1/schedule/replacing/trigger", cancellationToken))
            .AssertStatus(202).Json.GetProperty("job_id").GetGuid();

        (await _heimdall.PostAsync("alice", "/api/v1/schedule/replacing/trigger", cancellationToken))
            .AssertStatus(202);

        var replaced = await _heimdall.WaitForStatusAsync(first, "CANCELED", cancellationToken);
        Assert.That(replaced["canceled_by"], Is.EqualTo("schedule"));
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where schedule = 'replacing' and status = 'WAITING_FOR_APPROVAL'",
                cancellationToken),
            () => Is.EqualTo(1), cancellationToken);
    }

    [Test]
    public async Task A_run_whose_script_is_gone_is_refused_and_holds_up_no_other(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("leaving.sql", "select 1");
        await PutAsync("alice", "leaving", cancellationToken, query: "leaving.sql");
        File.Delete(Path.Combine(_heimdall.SqlDirectory, "leaving.sql"));

        var run = await _heimdall.PostAsync("alice", "/api/v1/schedule/leaving/trigger", cancellationToken);

        run.AssertProblem(422, "leaving.sql");
    }

    [Test]
    public async Task A_trigger_of_what_cannot_be_approved_has_no_job_and_its_key_may_be_sent_again(
        CancellationToken cancellationToken)
    {
        var file = Path.Combine(_heimdall.SqlDirectory, "outgrown.sql");
        _heimdall.WriteScript("outgrown.sql", "select 1");
        await PutAsync("alice", "outgrown", cancellationToken, overlap: "skip", query: "outgrown.sql");
        using (var outgrown = File.Create(file))
        {
            outgrown.SetLength(64 * 1024 * 1024 + 1);
        }

        var bare = await _heimdall.PostAsync("alice", "/api/v1/schedule/outgrown/trigger", cancellationToken);
        var keyed = await TriggerAsync();
        _heimdall.WriteScript("outgrown.sql", "select 1");
        var again = await TriggerAsync();

        bare.AssertProblem(422, "at most 67108864 bytes");
        Assert.That(bare.Header("Location"), Is.Null);
        keyed.AssertProblem(422, "at most 67108864 bytes");
        var id = again.AssertStatus(202).Json.GetProperty("job_id").GetGuid();
        Assert.That(
            (await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("WAITING_FOR_APPROVAL"));

        Task<Reply> TriggerAsync() => _heimdall.PostAsync(
            "alice", "/api/v1/schedule/outgrown/trigger", cancellationToken, body: null,
            ("Idempotency-Key", "outgrown-once"));
    }

    private async Task PutAsync(
        string user, string id, CancellationToken cancellationToken, string overlap = "allow",
        string query = "select 1")
    {
        var put = await _heimdall.SendAsync(
            HttpMethod.Put, $"/api/v1/schedule/{id}", cancellationToken,
            JsonContent.Create(new
            {
                cron = "0 0 1 1 *", overlap, command_criteria = new[] { Approvals.Command },
                cluster_criteria = new[] { "_id:postgres" }, context = new { query },
            }),
            ("X-Heimdall-User", user));
        Assert.That((int)put.Status, Is.EqualTo(200).Or.EqualTo(201), put.Text);
    }
}
