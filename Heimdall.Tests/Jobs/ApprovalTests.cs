using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that wait until somebody else has approved or refused them.</summary>
[CancelAfter(120_000)]
public sealed class ApprovalTests
{
    private const string Waiting = "WAITING_FOR_APPROVAL";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(Approvals.Configure);
        Approvals.AskAsAdmin(_heimdall);
        await _heimdall.Target.ExecuteAsync("create table effect (job text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_job_waits_until_somebody_else_approves_it_and_then_runs(CancellationToken cancellationToken)
    {
        const string Sql = "insert into effect values ('approved')";
        var submitted = (await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken, Approvals.Job(Sql, "approved"))).AssertStatus(202);
        var id = submitted.Id;
        var waiting = await _heimdall.JobAsync(id, cancellationToken);
        var listed = await _heimdall.GetAsync($"/api/v1/jobs?status={Waiting}&id={id}", cancellationToken);

        var approved = (await _heimdall.ApproveAsync("olga", id, cancellationToken)).AssertStatus(200);

        var ended = await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        Assert.That(submitted["status"], Is.EqualTo(Waiting));
        Assert.That(waiting["waiting_for"], Does.StartWith("an approval by an operator, until "));
        Assert.That(
            waiting.Json.GetProperty("approval").GetProperty("sha256").GetString(), Is.EqualTo(HashOf(Sql)));
        Assert.That(listed.Json.GetProperty("data").GetArrayLength(), Is.EqualTo(1));
        Assert.That(approved["status"], Is.EqualTo("ACCEPTED").Or.EqualTo("RUNNING").Or.EqualTo("SUCCEEDED"));
        var approval = ended.Json.GetProperty("approval");
        Assert.That(approval.GetProperty("decided_by").GetString(), Is.EqualTo("olga"));
        Assert.That(approval.GetProperty("decision").GetString(), Is.EqualTo("APPROVED"));
        Assert.That(approval.TryGetProperty("until", out _), Is.False);
        Assert.That(ended["sha256"], Is.EqualTo(HashOf(Sql)));
        Assert.That(await CountAsync("approved", cancellationToken), Is.EqualTo(1));
        Assert.That(await AuditedAsync(id, "approve", cancellationToken), Is.EqualTo(new[] { "olga DONE" }));
        Assert.That(
            await AuditedAsync($"{id}/sha256/{HashOf(Sql)}", "approve", cancellationToken),
            Is.EqualTo(new[] { "olga DONE" }));
        (await _heimdall.ApproveAsync("otto", id, cancellationToken))
            .AssertProblem(409, "was approved by olga already");
    }

    [Test]
    public async Task A_job_that_is_refused_ends_with_the_reason_and_never_runs(CancellationToken cancellationToken)
    {
        var id = await _heimdall.SubmitAsync(
            Approvals.Job("insert into effect values ('refused')"), cancellationToken);

        var refused = (await _heimdall.RefuseAsync("olga", id, cancellationToken)).AssertStatus(200);

        Assert.That(refused["status"], Is.EqualTo("CANCELED"));
        Assert.That(refused["error"], Is.EqualTo("Refused by olga: Not on a Friday. It never ran."));
        Assert.That(refused["canceled_by"], Is.EqualTo("olga"));
        Assert.That(
            refused.Json.GetProperty("approval").GetProperty("decision").GetString(), Is.EqualTo("REFUSED"));
        Assert.That(await AuditedAsync(id, "refuse", cancellationToken), Is.EqualTo(new[] { "olga DONE" }));
        (await _heimdall.ApproveAsync("otto", id, cancellationToken)).AssertProblem(409, "decided on by olga");
        await Eventually.Becomes(
            () => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Deleted"),
            cancellationToken);
        Assert.That(await CountAsync("refused", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Nobody_decides_on_what_they_have_a_hand_in(CancellationToken cancellationToken)
    {
        var ofSubmitter = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken);
        var ofOperator = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken, "olga");
        var narrow = await _heimdall.SubmitAsync(
            Approvals.Job("select 1", command: Approvals.NarrowCommand), cancellationToken);

        (await _heimdall.ApproveAsync("alice", ofSubmitter, cancellationToken))
            .AssertProblem(403, "needs the role operator or admin");
        (await _heimdall.ApproveAsync("bob", ofSubmitter, cancellationToken)).AssertProblem(403);
        (await _heimdall.ApproveAsync("olga", ofOperator, cancellationToken)).AssertProblem(403, "is your own");
        (await _heimdall.RefuseAsync("olga", ofOperator, cancellationToken)).AssertProblem(403, "is your own");
        (await _heimdall.ApproveAsync("scoped", ofOperator, cancellationToken)).AssertProblem(404);
        (await _heimdall.ApproveAsync("otto", narrow, cancellationToken))
            .AssertProblem(403, "not among the approvers");
        (await _heimdall.ApproveAsync("ada", narrow, cancellationToken)).AssertProblem(403);
        foreach (var id in new[] { ofSubmitter, ofOperator, narrow })
        {
            Assert.That(await _heimdall.StatusOfAsync(id, cancellationToken), Is.EqualTo(Waiting));
        }
        (await _heimdall.ApproveAsync("odo", narrow, cancellationToken)).AssertStatus(200);
        (await _heimdall.ApproveAsync("otto", ofOperator, cancellationToken)).AssertStatus(200);
        Assert.That(
            await AuditedAsync(ofOperator, "approve", cancellationToken),
            Is.EquivalentTo(new[] { "olga REFUSED", "scoped FAILED", "otto DONE" }));
        await _heimdall.WaitForStatusAsync(narrow, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task The_owner_can_cancel_what_waits_and_a_retry_waits_anew(CancellationToken cancellationToken)
    {
        var id = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken);

        var canceled = await _heimdall.PostAsync("alice", $"/api/v1/job/{id}/cancel", cancellationToken);
        var again = await _heimdall.PostAsync("olga", $"/api/v1/job/{id}/retry", cancellationToken);

        Assert.That(canceled.AssertStatus(200)["status"], Is.EqualTo("CANCELED"));
        (await _heimdall.ApproveAsync("otto", id, cancellationToken)).AssertProblem(409, "it is CANCELED");
        Assert.That(again.AssertStatus(202)["status"], Is.EqualTo(Waiting));
        (await _heimdall.ApproveAsync("olga", again.Id, cancellationToken)).AssertProblem(403, "is your own");
        (await _heimdall.ApproveAsync("otto", again.Id, cancellationToken)).AssertStatus(200);
        await _heimdall.WaitForStatusAsync(again.Id, "SUCCEEDED", cancellationToken);
    }

    [TestCase("single")]
    [TestCase("none")]
    public async Task What_was_approved_is_what_runs(string transaction, CancellationToken cancellationToken)
    {
        var name = $"pinned-{transaction}";
        var sql = $"insert into effect values ('{name}');\n\\i {name}-part.sql\n";
        var part = $"insert into effect values ('{name}');\n";
        _heimdall.WriteScript($"{name}.sql", sql);
        _heimdall.WriteScript($"{name}-part.sql", part);
        var job = Approvals.Job($"{name}.sql", context: new { transaction });
        var same = await _heimdall.SubmitAsync(job, cancellationToken);
        var changed = await _heimdall.SubmitAsync(job, cancellationToken);
        var changedPart = await _heimdall.SubmitAsync(job, cancellationToken);
        var shown = (await _heimdall.JobAsync(same, cancellationToken)).Json.GetProperty("approval");

        (await _heimdall.ApproveAsync("olga", same, cancellationToken)).AssertStatus(200);
        await _heimdall.WaitForStatusAsync(same, "SUCCEEDED", cancellationToken);
        _heimdall.WriteScript($"{name}.sql", $"{sql}select 1;\n");
        var first = await FailAsync(changed, cancellationToken);
        _heimdall.WriteScript($"{name}.sql", sql);
        _heimdall.WriteScript($"{name}-part.sql", "insert into effect values ('other');\n");
        var second = await FailAsync(changedPart, cancellationToken);

        Assert.That(shown.GetProperty("sha256").GetString(), Is.EqualTo(HashOf(sql)));
        Assert.That(shown.GetProperty("files")[0].GetProperty("path").GetString(), Is.EqualTo($"{name}-part.sql"));
        Assert.That(shown.GetProperty("files")[0].GetProperty("sha256").GetString(), Is.EqualTo(HashOf(part)));
        Assert.That(first, Does.Contain("was changed after it was submitted for approval")
            .And.Contain(HashOf(sql)).And.Contain(HashOf($"{sql}select 1;\n")));
        Assert.That(second, Does.Contain($"{name}-part.sql was changed after the job was submitted"));
        Assert.That(await CountAsync(name, cancellationToken), Is.EqualTo(2), "of the first alone");
        Assert.That(await CountAsync("other", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_file_that_nobody_has_approved_is_not_read(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("open.sql", "insert into effect values ('open');\n\\i absent.sql\n");
        var id = await _heimdall.SubmitAsync(
            Approvals.Job("open.sql", context: new { transaction = "none" }), cancellationToken);

        _heimdall.WriteScript("absent.sql", "insert into effect values ('open');\n");

        Assert.That(
            await FailAsync(id, cancellationToken), Does.Contain("absent.sql, which was not among the files"));
        Assert.That(await CountAsync("open", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_query_cannot_wait_within_its_request(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("asked.sql", "select 7 as n");
        var query = Approvals.Job("asked.sql", context: new { return_result = true });

        var inline = await _heimdall.PostAsync("alice", "/api/v1/job", cancellationToken, query);
        var waited = await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken, query, ("Prefer", "wait=1"));
        var queued = await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken, query, ("Prefer", "respond-async"));
        _heimdall.WriteScript("asked.sql", "select 8 as n");
        var changed = queued.AssertStatus(202).Id;
        var error = await FailAsync(changed, cancellationToken);
        _heimdall.WriteScript("asked.sql", "select 7 as n");
        (await _heimdall.ApproveAsync("olga", waited.AssertStatus(202).Id, cancellationToken)).AssertStatus(200);

        Assert.That(
            inline.AssertProblem(422, "Prefer: respond-async")["type"], Does.EndWith("approval-required"));
        Assert.That(waited["status"], Is.EqualTo(Waiting));
        Assert.That(error, Does.Contain("was changed after it was submitted for approval"));
        await _heimdall.WaitForStatusAsync(waited.Id, "SUCCEEDED", cancellationToken);
        var rows = await _heimdall.GetAsync($"/api/v1/job/{waited.Id}/result", cancellationToken);
        Assert.That(rows.AssertStatus(200).Text, Does.Contain("[[7]]"));
    }

    [Test]
    public async Task A_key_gives_the_same_job_before_and_after_the_approval(CancellationToken cancellationToken)
    {
        var job = Approvals.Job("select 1", context: new { return_result = true });
        Task<Reply> SendAsync() => _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken, job, ("Prefer", "wait=1"), ("Idempotency-Key", "approved-once"));
        var first = (await SendAsync()).AssertStatus(202);
        var second = (await SendAsync()).AssertStatus(202);
        (await _heimdall.ApproveAsync("olga", first.Id, cancellationToken)).AssertStatus(200);
        await _heimdall.WaitForStatusAsync(first.Id, "SUCCEEDED", cancellationToken);

        var third = (await SendAsync()).AssertStatus(200);

        Assert.That((second.Id, third.Id), Is.EqualTo((first.Id, first.Id)));
        Assert.That(third.Header("Idempotency-Replayed"), Is.EqualTo("true"));
    }

    [Test]
    public async Task A_dry_run_says_that_the_job_will_wait(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken, Approvals.Job("select 1", more: new { dry_run = true }));
        var other = await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken,
            Approvals.Job("select 1", command: "type:postgres", more: new { dry_run = true }));

        Assert.That(reply.AssertStatus(200)["approval"], Is.EqualTo("required"));
        Assert.That(other.AssertStatus(200)["approval"], Is.Null);
        Assert.That(
            (await _heimdall.GetAsync("/api/v1/command/narrow", cancellationToken)).Text,
            Does.Contain("\"approval\":\"required\",\"approval_expires_seconds\":3600,\"approvers\":[\"odo\"]"));
    }

    [Test]
    public async Task Of_many_jobs_those_of_the_command_wait(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostAsync(
            "alice", "/api/v1/jobs", cancellationToken,
            new[] { Approvals.Job("select 1"), Approvals.Job("select 1", command: "type:postgres") });

        var statuses = reply.AssertStatus(202).Json.EnumerateArray()
            .Select(job => job.GetProperty("status").GetString());
        Assert.That(statuses, Is.EqualTo(new[] { Waiting, "ACCEPTED" }));
    }

    [Test]
    public async Task A_job_that_nobody_approves_in_time_ends_saying_so(CancellationToken cancellationToken)
    {
        var forgotten = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken);
        var late = await _heimdall.SubmitAsync(
            Approvals.Job("select 1", more: new { start_before = "2999-01-01T00:00:00Z" }), cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.job set approve_by = now() - interval '1 s',
                start_before = case when start_before is not null then now() - interval '1 s' end
            where id = any($1)
            """,
            cancellationToken, new[] { forgotten, late });

        var first = await _heimdall.WaitForEndAsync(forgotten, cancellationToken);
        var second = await _heimdall.WaitForEndAsync(late, cancellationToken);

        Assert.That(first["status"], Is.EqualTo("CANCELED"));
        Assert.That(first["error"], Does.Match(@"^Nobody approved it by \S+Z\. It never ran\.$"));
        Assert.That(second["status"], Is.EqualTo("KILLED"));
        Assert.That(second["error"], Does.Match(@"^Not approved by \S+Z, its start_before\. It never ran\.$"));
        (await _heimdall.ApproveAsync("olga", forgotten, cancellationToken)).AssertProblem(409, "it is CANCELED");
    }

    [Test]
    public async Task The_time_to_approve_ends_with_start_before_and_too_late_is_too_late(
        CancellationToken cancellationToken)
    {
        var inAnHour = DateTime.UtcNow.AddHours(1).ToString("O", CultureInfo.InvariantCulture);
        var id = await _heimdall.SubmitAsync(
            Approvals.Job("select 1", more: new { start_before = inAnHour }), cancellationToken);
        var isStart = await _heimdall.Store.ScalarAsync<bool>(
            "select approve_by = start_before from heimdall.job where id = $1", cancellationToken, id);
        var isWeek = await _heimdall.Store.ScalarAsync<bool>(
            "select approve_by = created_at + interval '7 days' from heimdall.job where id = $1", cancellationToken,
            await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken));

        Assert.That((isStart, isWeek), Is.EqualTo((true, true)));
    }

    [Test]
    public async Task After_an_approval_a_job_waits_for_what_else_it_waits_for(CancellationToken cancellationToken)
    {
        var first = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken);
        var ended = await _heimdall.SubmitAsync(AfterOf(first), cancellationToken);
        var open = await _heimdall.SubmitAsync(AfterOf(first), cancellationToken);
        var never = await _heimdall.SubmitAsync(AfterOf(first, on: "failed"), cancellationToken);
        var later = await _heimdall.SubmitAsync(
            Approvals.Job("select 1", more: new { start_after = "2999-01-01T00:00:00Z" }), cancellationToken);

        (await _heimdall.ApproveAsync("olga", open, cancellationToken)).AssertStatus(200);
        (await _heimdall.ApproveAsync("olga", later, cancellationToken)).AssertStatus(200);
        var held = await _heimdall.JobAsync(open, cancellationToken);
        (await _heimdall.ApproveAsync("olga", first, cancellationToken)).AssertStatus(200);
        await _heimdall.WaitForStatusAsync(open, "SUCCEEDED", cancellationToken);
        var unmet = await _heimdall.WaitForStatusAsync(never, "CANCELED", cancellationToken);
        var stillWaiting = await _heimdall.StatusOfAsync(ended, cancellationToken);
        (await _heimdall.ApproveAsync("olga", ended, cancellationToken)).AssertStatus(200);

        Assert.That(held["waiting_for"], Does.StartWith($"job {first}, until it has succeeded"));
        Assert.That(unmet["error"], Does.Contain("was to start after job"));
        Assert.That(stillWaiting, Is.EqualTo(Waiting));
        await _heimdall.WaitForStatusAsync(ended, "SUCCEEDED", cancellationToken);
        Assert.That(
            (await _heimdall.JobAsync(later, cancellationToken))["waiting_for"], Does.StartWith("start_after"));
    }

    [TestCase("succeeded", "SUCCEEDED")]
    [TestCase("failed", "CANCELED")]
    public async Task What_a_keeper_of_an_older_version_forgets_is_found_again(
        string on, string end, CancellationToken cancellationToken)
    {
        var first = await _heimdall.SubmitAsync(
            Approvals.Job("select 1", command: "type:postgres"), cancellationToken);
        await _heimdall.WaitForStatusAsync(first, "SUCCEEDED", cancellationToken);
        var gate = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken);
        var id = await _heimdall.SubmitAsync(AfterOf(gate, on), cancellationToken);
        // It deletes the record of the end, and neither lets the job in line nor cancels it.
        await _heimdall.Store.ExecuteAsync(
            """
            with gone as (delete from heimdall.job_predecessor where job_id = $1)
            update heimdall.job set after = replace(after::text, $2::text, $3::text)::jsonb where id = $1
            """,
            cancellationToken, id, gate, first);

        (await _heimdall.ApproveAsync("olga", id, cancellationToken)).AssertStatus(200);

        await _heimdall.WaitForStatusAsync(id, end, cancellationToken);
    }

    [Test]
    public async Task Of_several_predecessors_one_that_was_forgotten_is_found_again(
        CancellationToken cancellationToken)
    {
        var failed = await _heimdall.SubmitAsync(
            Approvals.Job("select 1 / 0", command: "type:postgres"), cancellationToken);
        await _heimdall.WaitForStatusAsync(failed, "FAILED", cancellationToken);
        var (gone, open) = (
            await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken),
            await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken));
        var after = new[] { new { job = gone, on = "succeeded" }, new { job = open, on = "succeeded" } };
        var id = await _heimdall.SubmitAsync(Approvals.Job("select 1", more: new { after }), cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            with gone as (delete from heimdall.job_predecessor where job_id = $1 and predecessor_id = $2)
            update heimdall.job set after = replace(after::text, $2::text, $3::text)::jsonb where id = $1
            """,
            cancellationToken, id, gone, failed);

        (await _heimdall.ApproveAsync("olga", id, cancellationToken)).AssertStatus(200);
        (await _heimdall.ApproveAsync("olga", open, cancellationToken)).AssertStatus(200);

        var ended = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That((ended["status"], ended["error"]), Is.EqualTo(("CANCELED",
            $"It never ran: it was to start after job {failed} has succeeded, and that job ended FAILED.")));
    }

    [Test]
    public async Task The_statement_itself_lets_nobody_decide_who_has_a_hand_in_the_job_or_comes_too_late(
        CancellationToken cancellationToken)
    {
        var id = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken, "olga");
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.job set approval = jsonb_set(approval, '{asked_by}', '[\"otto\"]') where id = $1",
            cancellationToken, id);
        var database = _heimdall.ApiServices.GetRequiredService<StoreDatabase>();
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        foreach (var user in new[] { "olga", "OLGA", "otto", "Otto" })
        {
            foreach (var refusal in new[] { null, "no" })
            {
                Assert.That(
                    await JobStore.DecideAsync(connection, id, user, refusal, cancellationToken), Is.Empty, user);
            }
        }
        await using (var late = new Npgsql.NpgsqlCommand(
            "update job set approve_by = now() - interval '1 s' where id = $1", connection)
        { Parameters = { new() { Value = id } } })
        {
            await late.ExecuteNonQueryAsync(cancellationToken);
        }
        Assert.That(await JobStore.DecideAsync(connection, id, "odo", null, cancellationToken), Is.Empty, "late");
        await transaction.RollbackAsync(cancellationToken);
        Assert.That(
            await JobStore.DecideAsync(connection, id, "odo", null, cancellationToken), Is.EqualTo(new[] { id }));
    }

    [Test]
    public async Task A_name_in_other_letters_is_the_same_name(CancellationToken cancellationToken)
    {
        var id = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken, "olga");

        (await _heimdall.ApproveAsync("oLGA", id, cancellationToken)).AssertProblem(403, "is your own");
    }

    [Test]
    public async Task Who_had_a_hand_in_a_job_has_one_in_its_retry(CancellationToken cancellationToken)
    {
        var id = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken, "olga");
        (await _heimdall.PostAsync("olga", $"/api/v1/job/{id}/cancel", cancellationToken)).AssertStatus(200);

        var again = (await _heimdall.PostAsync("otto", $"/api/v1/job/{id}/retry", cancellationToken)).AssertStatus(202);

        (await _heimdall.ApproveAsync("olga", again.Id, cancellationToken)).AssertProblem(403, "asked for job");
        (await _heimdall.ApproveAsync("odo", again.Id, cancellationToken)).AssertStatus(200);
        await _heimdall.WaitForStatusAsync(again.Id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task Without_auth_nobody_decides(CancellationToken cancellationToken)
    {
        await using var open = await HeimdallInstance.StartAsync(
            config => config.WithCommand("reviewed", Approvals.Command, ", approval: required"), worker: false);
        var id = await open.SubmitAsync(Approvals.Job("select 1"), cancellationToken);

        (await open.ApproveAsync("bob", id, cancellationToken)).AssertProblem(403, "auth is not configured");
        (await open.RefuseAsync("bob", id, cancellationToken)).AssertProblem(403, "auth is not configured");
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_job_with_a_secret_parameter_is_approved_and_gets_it(
        bool isForAll, CancellationToken cancellationToken)
    {
        const string Secret = "approved-s3cret-canary";
        var query = Approvals.Job(
            "select length($1::text)",
            context: new { return_result = true, parameters = new[] { new { value = Secret, secret = true } } });
        if (isForAll)
        {
            query["target"] = "all";
        }

        var reply = (await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken, query, ("Prefer", "respond-async"))).AssertStatus(202);
        (await _heimdall.ApproveAsync("olga", reply.Id, cancellationToken)).AssertStatus(200);
        var ended = await _heimdall.WaitForStatusAsync(reply.Id, "SUCCEEDED", cancellationToken);
        var bare = await _heimdall.PostAsync("alice", $"/api/v1/job/{reply.Id}/retry", cancellationToken);

        Assert.That(ended.Text, Does.Not.Contain(Secret));
        bare.AssertStatus(409);
        if (!isForAll)
        {
            var again = (await _heimdall.PostAsync(
                "alice", $"/api/v1/job/{reply.Id}/retry", cancellationToken,
                new { secrets = new Dictionary<string, string> { ["$1"] = Secret } })).AssertStatus(202);
            (await _heimdall.ApproveAsync("olga", again.Id, cancellationToken)).AssertStatus(200);
            await _heimdall.WaitForStatusAsync(again.Id, "SUCCEEDED", cancellationToken);
        }
    }

    [Test]
    public async Task A_secret_variable_is_sql_that_nobody_could_approve(CancellationToken cancellationToken)
    {
        const string Secret = "drop table effect";

        var reply = await _heimdall.PostAsync(
            "alice", "/api/v1/job", cancellationToken,
            Approvals.Job(":x;", context: new { variables = new { x = new { value = Secret, secret = true } } }));

        Assert.That(
            reply.AssertProblem(400, "who approves the job has to see all of its SQL").Text,
            Does.Contain("variables.x").And.Not.Contain(Secret));
    }

    [Test]
    public async Task What_is_longer_than_can_be_approved_is_refused_before_it_is_read(
        CancellationToken cancellationToken)
    {
        using (var huge = File.Create(Path.Combine(_heimdall.SqlDirectory, "huge.sql")))
        {
            huge.SetLength(20L * 1024 * 1024 * 1024); // of which nothing is written
        }
        _heimdall.WriteScript("reads-huge.sql", "\\i huge.sql\n");

        foreach (var script in new[] { "huge.sql", "reads-huge.sql" })
        {
            (await _heimdall.PostAsync("alice", "/api/v1/job", cancellationToken, Approvals.Job(script)))
                .AssertProblem(400, "must have at most");
        }
    }

    [Test]
    public async Task A_version_that_knows_no_approvals_runs_nothing_without_one(CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7();
        await _heimdall.Store.ExecuteAsync(InsertOfOld(isSync: false), cancellationToken, id, "reviewed", "ACCEPTED");
        var other = Guid.CreateVersion7();
        await _heimdall.Store.ExecuteAsync(
            InsertOfOld(isSync: false), cancellationToken, other, "postgres-0.0.1", "NEW");
        var inline = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => _heimdall.Store.ExecuteAsync(
            InsertOfOld(isSync: true), cancellationToken, Guid.CreateVersion7(), "reviewed", "RUNNING"));

        var job = await _heimdall.JobAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("CANCELED"));
        Assert.That(job["error"], Does.Contain("asks for an approval").And.Contain("never ran"));
        Assert.That(await _heimdall.StatusOfAsync(other, cancellationToken), Is.EqualTo("NEW"));
        Assert.That(inline!.MessageText, Does.Contain("asks for an approval"));
    }

    [Test]
    public async Task Of_two_who_decide_at_once_one_does(CancellationToken cancellationToken)
    {
        for (var round = 0; round < 12; round++)
        {
            var name = $"race-{round}";
            var id = await _heimdall.SubmitAsync(
                Approvals.Job($"insert into effect values ('{name}')"), cancellationToken);
            var replies = await Task.WhenAll(
                _heimdall.ApproveAsync("olga", id, cancellationToken),
                round % 3 == 0 ? _heimdall.ApproveAsync("otto", id, cancellationToken)
                : round % 3 == 1 ? _heimdall.RefuseAsync("otto", id, cancellationToken)
                : _heimdall.PostAsync("alice", $"/api/v1/job/{id}/cancel", cancellationToken));
            var ended = await _heimdall.WaitForEndAsync(id, cancellationToken);

            var statuses = replies.Select(reply => (int)reply.Status).ToArray();
            var ran = await CountAsync(name, cancellationToken);
            Assert.That(ran, Is.EqualTo(ended["status"] == "SUCCEEDED" ? 1 : 0), name);
            if (round % 3 == 2)
            {
                // A cancel behind the approval stops it, or comes too late.
                Assert.That(statuses[1], Is.EqualTo(200).Or.EqualTo(202).Or.EqualTo(409), replies[1].Text);
                Assert.That(statuses[0], Is.EqualTo(200).Or.EqualTo(409));
            }
            else
            {
                Assert.That(statuses, Is.EquivalentTo(new[] { 200, 409 }), name);
                Assert.That(ended["status"] == "SUCCEEDED", Is.EqualTo(statuses[0] == 200 || round % 3 == 0), name);
            }
            var done = (await AuditedAsync(id, "", cancellationToken))
                .Count(record => record.EndsWith(" DONE", StringComparison.Ordinal));
            Assert.That(done, Is.EqualTo(statuses.Count(status => status < 300)), name);
        }
    }

    [Test]
    public async Task What_waits_counts_as_queued_and_pauses_hold_what_is_approved(CancellationToken cancellationToken)
    {
        (await _heimdall.PostAsync("ada", "/api/v1/command/reviewed/pause", cancellationToken)).AssertStatus(200);
        var id = await _heimdall.SubmitAsync(Approvals.Job("select 1"), cancellationToken, "queuer");
        var counted = await _heimdall.ApiServices.GetRequiredService<JobStore>()
            .CountQueuedAsync("queuer", enough: 100, cancellationToken);
        (await _heimdall.ApproveAsync("olga", id, cancellationToken)).AssertStatus(200);
        var paused = await _heimdall.JobAsync(id, cancellationToken);

        (await _heimdall.PostAsync("ada", "/api/v1/command/reviewed/resume", cancellationToken)).AssertStatus(200);

        Assert.That(counted, Is.EqualTo(1));
        Assert.That(paused["waiting_for"], Does.Contain("a pause of command 'reviewed' by ada"));
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task A_script_that_waits_is_changed_by_its_owner_or_an_operator_only(
        CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("shared.sql", "select 1");
        await _heimdall.SubmitAsync(Approvals.Job("shared.sql"), cancellationToken);
        File.Delete(Path.Combine(_heimdall.SqlDirectory, "shared.sql")); // so that it is nobody's

        var changed = await _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/sql/shared.sql", cancellationToken, new StringContent("select 2"),
            ("X-Heimdall-User", "bob"));

        var other = await _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/sql/unnamed.sql", cancellationToken, new StringContent("select 2"),
            ("X-Heimdall-User", "bob"));

        Assert.That((int)changed.Status, Is.EqualTo(403).Or.EqualTo(404), changed.Text);
        other.AssertStatus(201);
    }

    private static System.Text.Json.Nodes.JsonObject AfterOf(Guid job, string on = "succeeded") =>
        Approvals.Job("select 1", more: new { after = new[] { new { job, on } } });

    private static string InsertOfOld(bool isSync) => $$"""
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context)
        values ($1, 'old', '', '', '{}', 'alice', $3, {{isSync}}, {{isSync}}, $2, $2, 'postgres', 'postgres', '{}',
            '{}', '{}')
        """;

    /// <returns>What it failed for, once somebody has approved it.</returns>
    private async Task<string> FailAsync(Guid id, CancellationToken cancellationToken)
    {
        (await _heimdall.ApproveAsync("olga", id, cancellationToken)).AssertStatus(200);
        return (await _heimdall.WaitForStatusAsync(id, "FAILED", cancellationToken))["error"]!;
    }

    private Task<long> CountAsync(string job, CancellationToken cancellationToken) =>
        _heimdall.Target.ScalarAsync<long>("select count(*) from effect where job = $1", cancellationToken, job);

    private Task<string[]> AuditedAsync(Guid job, string action, CancellationToken cancellationToken) =>
        AuditedAsync($"{job}", action, cancellationToken);

    private async Task<string[]> AuditedAsync(string job, string action, CancellationToken cancellationToken)
    {
        var list = await _heimdall.GetAsync($"/api/v1/audit?target=job/{job}&limit=200", cancellationToken);
        return
        [
            .. list.AssertStatus(200).Json.GetProperty("data").EnumerateArray()
                .Where(record => record.GetProperty("action").GetString()!.EndsWith(action, StringComparison.Ordinal))
                .Select(record => $"{record.GetProperty("user")} {record.GetProperty("outcome")}"),
        ];
    }

    private static string HashOf(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
}
