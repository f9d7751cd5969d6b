using System.Text.Json;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>Who did what, and who was refused.</summary>
[CancelAfter(120_000)]
public sealed class AuditTests
{
    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start() => _api = await RoleInstance.StartAsync(worker: false, users: ["alice", "bob"]);

    [OneTimeTearDown]
    public async Task Stop() => await _api.DisposeAsync();

    [Test]
    public async Task A_change_and_its_record_are_one_transaction(CancellationToken cancellationToken)
    {
        var job = await WaitingJobAsync(cancellationToken);
        await ExpectAsync("alice", "POST", $"/api/v1/job/{job}/cancel", "POST /api/v1/job/{id:guid}/cancel",
            $"job/{job}", $"job where id = '{job}'", cancellationToken);
        await ExpectAsync("alice", "PUT", "/api/v1/schedule/mine", "PUT /api/v1/schedule/{id}", "schedule/mine",
            "schedule where id = 'mine'", cancellationToken, Schedule());
        await ExpectAsync("operator", "POST", "/api/v1/schedule/mine/pause", "POST /api/v1/schedule/{id}/pause",
            "schedule/mine", "schedule where id = 'mine'", cancellationToken);
        await ExpectAsync("operator", "POST", "/api/v1/cluster/inside/pause", "POST /api/v1/cluster/{id}/pause",
            "cluster/inside", "pause where target = 'inside'", cancellationToken);
        await ExpectAsync(
            "operator", "PUT", "/api/v1/cluster/outside/status", "PUT /api/v1/cluster/{id}/status", "cluster/outside",
                "cluster where id = 'outside'",
            cancellationToken, RoleInstance.Json("""{"status":"ACTIVE"}"""));
        var again = (await _api.SendAsync("alice", "POST", $"/api/v1/job/{job}/retry", cancellationToken))
            .AssertStatus(202).Id;
        await AssertOneTransactionAsync($"job where id = '{again}'", $"job/{job}", "POST /api/v1/job/{id:guid}/retry",
            cancellationToken);
        (await _api.SendAsync("alice", "POST", "/api/v1/schedule/mine/resume", cancellationToken)).AssertStatus(200);
        var run = (await _api.SendAsync("alice", "POST", "/api/v1/schedule/mine/trigger", cancellationToken))
            .AssertStatus(202);
        await AssertOneTransactionAsync($"job where id = '{run["job_id"]}'", "schedule/mine",
            "POST /api/v1/schedule/{id}/trigger", cancellationToken);
        (await _api.SendAsync("alice", "DELETE", "/api/v1/schedule/mine", cancellationToken)).AssertStatus(204);
        Assert.That((await LastAsync("target=schedule/mine", cancellationToken)).GetProperty("action").GetString(),
            Is.EqualTo("DELETE /api/v1/schedule/{id}"));
    }

    [Test]
    public async Task A_pause_that_is_refused_in_the_form_is_recorded_for_what_it_would_pause(
        CancellationToken cancellationToken)
    {
        foreach (var (scope, target) in new[] { ("cluster/outside", "cluster/outside"), ("queue/", "queue") })
        {
            (await _api.PressAsync(
                "operator-a", "/sql/pauses/add", cancellationToken, ("target", scope), ("time", "until resumed"),
                ("reason", ""))).AssertStatus(403);
            await AssertLastAsync("user=operator-a", "REFUSED", 403, target, cancellationToken);
        }
        (await _api.PressAsync(
            "operator", "/sql/pauses/add", cancellationToken, ("target", "cluster/outside"), ("time", "for ever")))
            .AssertStatus(400);
        await AssertLastAsync("user=operator", "FAILED", 400, "cluster/outside", cancellationToken);

        (await _api.PressAsync(
            "operator", "/sql/pauses/add", cancellationToken, ("target", "cluster/outside"), ("time", "until resumed")))
            .AssertStatus(303);
        (await _api.PressAsync(
            "operator-a", "/sql/pauses/end", cancellationToken, ("target", "cluster/outside"))).AssertStatus(403);
        await AssertLastAsync("user=operator-a", "REFUSED", 403, "cluster/outside", cancellationToken);
        (await _api.PressAsync("operator", "/sql/pauses/end", cancellationToken, ("target", "cluster/outside")))
            .AssertStatus(303);
    }

    [Test]
    public async Task What_is_refused_or_fails_is_recorded(CancellationToken cancellationToken)
    {
        var job = await _api.MakeJobAsync("alice", "inside", cancellationToken);

        (await _api.SendAsync("reader", "POST", $"/api/v1/job/{job}/cancel", cancellationToken)).AssertStatus(403);
        await AssertLastAsync($"user=reader&target=job/{job}", "REFUSED", 403, $"job/{job}", cancellationToken);
        (await _api.SendAsync("alice", "POST", $"/api/v1/job/{job}/cancel", cancellationToken)).AssertStatus(409);
        await AssertLastAsync($"user=alice&target=job/{job}", "FAILED", 409, $"job/{job}", cancellationToken);
        (await _api.SendAsync("bob", "POST", $"/api/v1/job/{job}/cancel", cancellationToken)).AssertStatus(404);
        await AssertLastAsync("user=bob", "FAILED", 404, $"job/{job}", cancellationToken);
        var endless = new string('x', 5000);
        (await _api.SendAsync("operator", "POST", $"/api/v1/schedule/{endless}/pause", cancellationToken)).AssertStatus(404);
        await AssertLastAsync(
            "user=operator&outcome=FAILED", "FAILED", 404, $"schedule/{endless[..591]}…", cancellationToken);
        (await _api.SendAsync("nobody", "GET", "/api/v1/jobs", cancellationToken)).AssertStatus(403);
        await AssertLastAsync("user=nobody", "REFUSED", 403, "jobs", cancellationToken);
        (await _api.SendFromAsync(900, "hk_wrong", "GET", $"/api/v1/job/{job}", cancellationToken)).AssertStatus(401);
        var wrong = await AssertLastAsync($"target=job/{job}", "REFUSED", 401, $"job/{job}", cancellationToken);
        Assert.That(wrong.TryGetProperty("user", out _), Is.False);
        Assert.That(wrong.GetProperty("address").GetString(), Is.EqualTo("127.1.3.151"));
    }

    [Test]
    public async Task Scripts_and_buttons_are_recorded(CancellationToken cancellationToken)
    {
        (await _api.SendAsync("alice", "PUT", "/api/v1/sql/a/b.sql", cancellationToken,
            new StringContent("select 1"))).AssertStatus(201);
        await AssertLastAsync("user=alice&target=sql/a/b.sql", "DONE", 201, "sql/a/b.sql", cancellationToken);
        var job = await WaitingJobAsync(cancellationToken);
        (await _api.PressAsync("operator", $"/sql/jobs/{job}/cancel", cancellationToken)).AssertStatus(303);
        var pressed = await LastAsync($"target=job/{job}", cancellationToken);
        Assert.That(pressed.GetProperty("action").GetString(), Is.EqualTo("POST /hangfire/sql/jobs/{id}/cancel"));
        await AssertOneTransactionAsync($"job where id = '{job}'", $"job/{job}",
            "POST /hangfire/sql/jobs/{id}/cancel", cancellationToken);
        (await _api.PressAsync("operator", "/jobs/actions/delete/1", cancellationToken)).AssertStatus(403);
        await AssertLastAsync("user=operator", "REFUSED", 403, "/hangfire/jobs/actions/delete/1", cancellationToken);
    }

    [Test]
    public async Task Each_of_many_jobs_has_a_record(CancellationToken cancellationToken)
    {
        var waiting = await WaitingJobAsync(cancellationToken);
        var ended = await _api.MakeJobAsync("alice", "inside", cancellationToken);
        var outside = await _api.MakeJobAsync("alice", "outside", cancellationToken);
        var before = await CountAsync("operator-a", cancellationToken);

        (await _api.PressAsync("operator-a", "/sql/bulk/cancel/named", cancellationToken,
            ("id", waiting.ToString()), ("id", ended.ToString()), ("id", outside.ToString()))).AssertStatus(200);

        await AssertOneTransactionAsync($"job where id = '{waiting}'", $"job/{waiting}",
            "POST /hangfire/sql/bulk/cancel/named", cancellationToken);
        await AssertLastAsync($"user=operator-a&target=job/{ended}", "FAILED", 409, $"job/{ended}", cancellationToken);
        await AssertLastAsync(
            $"user=operator-a&target=job/{outside}", "FAILED", 404, $"job/{outside}", cancellationToken);
        Assert.That(
            await CountAsync("operator-a", cancellationToken), Is.EqualTo(before + 3), "and none for all of them");
    }

    [Test]
    public async Task Of_many_jobs_the_one_that_throws_has_a_record(CancellationToken cancellationToken)
    {
        var job = await WaitingJobAsync(cancellationToken);
        await _api.Heimdall.Store.ExecuteAsync(
            """
            alter table heimdall.job add constraint no_cancel check (canceled_by is distinct from 'operator-a') not valid
            """,
            cancellationToken);
        try
        {
            (await _api.PressAsync("operator-a", "/sql/bulk/cancel/named", cancellationToken, ("id", job.ToString())))
                .AssertStatus(500);
        }
        finally
        {
            await _api.Heimdall.Store.ExecuteAsync(
                "alter table heimdall.job drop constraint no_cancel", cancellationToken);
        }

        await AssertLastAsync(
            $"user=operator-a&target=job/{job}", "FAILED", status: null, $"job/{job}", cancellationToken);
    }

    [Test]
    public async Task What_is_read_or_submitted_is_not_recorded(CancellationToken cancellationToken)
    {
        var before = await CountAsync("reader-a", cancellationToken) + await CountAsync("submitter", cancellationToken);

        (await _api.SendAsync("reader-a", "GET", "/api/v1/jobs", cancellationToken)).AssertStatus(200);
        (await _api.PostAsync("submitter", "/api/v1/job", RoleInstance.Query("inside"), cancellationToken))
            .AssertStatus(200);
        (await _api.PostAsync("submitter", "/api/v1/job", RoleInstance.Batch("inside", "select 1"),
            cancellationToken)).AssertStatus(202);
        (await _api.SendFromAsync(901, key: null, "POST", "/api/v1/job", cancellationToken)).AssertStatus(401);

        Assert.That(await CountAsync("reader-a", cancellationToken) + await CountAsync("submitter",
            cancellationToken), Is.EqualTo(before));
        Assert.That(await _api.Heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.audit where address = '127.1.3.152'", cancellationToken), Is.Zero);
    }

    [TestCase("update heimdall.audit set \"user\" = 'mallory'")]
    [TestCase("delete from heimdall.audit")]
    [TestCase("truncate heimdall.audit")]
    public async Task A_record_is_not_changed(string sql, CancellationToken cancellationToken)
    {
        (await _api.SendAsync("reader", "POST", "/api/v1/queue/pause", cancellationToken)).AssertStatus(403);
        await AssertLastAsync("target=queue", "REFUSED", 403, "queue", cancellationToken);

        var refused = await Assert.ThrowsAsync<PostgresException>(() =>
            _api.Heimdall.Store.ExecuteAsync(sql, cancellationToken));

        Assert.That(refused!.MessageText, Does.Contain("the audit is not changed"));
    }

    [Test]
    public async Task A_list_is_filtered_and_goes_page_by_page(CancellationToken cancellationToken)
    {
        for (var i = 0; i < 5; i++)
        {
            (await _api.SendAsync("reader", "POST", "/api/v1/command/postgres-0.0.1/pause", cancellationToken))
                .AssertStatus(403);
        }
        await Eventually.Becomes(
            () => _api.Heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.audit where target = 'command/postgres-0.0.1'", cancellationToken),
            () => Is.EqualTo(5), cancellationToken);
        var ids = new List<long>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = (await _api.SendAsync(
                "admin", "GET",
                    $"/api/v1/audit?target=command/postgres-0.0.1&user=reader&outcome=REFUSED&after=2026-01-01T00:00:00Z&limit=2{cursor}",
                cancellationToken)).AssertStatus(200);
            ids.AddRange(page.Json.GetProperty("data").EnumerateArray().Select(record =>
                record.GetProperty("id").GetInt64()));
            cursor = page["next_cursor"] is { } next ? $"&cursor={next}" : null;
        }

        Assert.That(ids, Has.Count.EqualTo(5).And.Unique.And.Ordered.Descending);
        (await _api.SendAsync("admin", "GET", "/api/v1/audit?colour=red&limit=0&outcome=x", cancellationToken))
            .AssertProblem(400, "colour", "limit", "outcome");
    }

    [Test]
    public async Task Admins_read_it_as_a_page(CancellationToken cancellationToken)
    {
        (await _api.SendAsync("operator", "POST", "/api/v1/schedule/%3Cb%3Ebold/pause", cancellationToken))
            .AssertStatus(404);
        await AssertLastAsync("user=operator", "FAILED", 404, "schedule/<b>bold", cancellationToken);
        const string Filter = "/hangfire/sql/audit?user=operator&outcome=FAILED&target=schedule/%3Cb%3Ebold";

        var page = (await _api.SendAsync("admin", "GET", $"{Filter}&after=2026-01-31%2012:00&before=", cancellationToken))
            .AssertStatus(200).Text;
        var later = (await _api.SendAsync("admin", "GET", $"{Filter}&after=2999-01-31%2012:00", cancellationToken))
            .AssertStatus(200).Text;
        var wrong = (await _api.SendAsync("admin", "GET", "/hangfire/sql/audit?after=yesterday", cancellationToken))
            .AssertStatus(400).Text;

        Assert.That(page, Does.Contain("schedule/&lt;b&gt;bold").And.Contain("POST /api/v1/schedule/{id}/pause")
            .And.Contain("by api_key").And.Contain("127.0.0.1").And.Not.Contain("<b>bold"));
        Assert.That(later, Does.Contain("No record matches."));
        Assert.That(wrong, Does.Contain("after: Must be a time"));
        (await _api.SendAsync("operator", "GET", Filter, cancellationToken)).AssertStatus(403);
    }

    [Test]
    public async Task A_long_target_is_cut_between_two_characters(CancellationToken cancellationToken)
    {
        var key = string.Concat(Enumerable.Repeat("%F0%9F%98%80", 510));

        (await _api.SendAsync("operator-a", "DELETE", $"/api/v1/schedule/{key}", cancellationToken)).AssertStatus(404);

        var kept = string.Concat(Enumerable.Repeat("\U0001F600", 295));
        await AssertLastAsync("user=operator-a", "FAILED", 404, $"schedule/{kept}…", cancellationToken);
    }

    [Test]
    public async Task A_change_that_throws_is_recorded(CancellationToken cancellationToken)
    {
        var refused = RoleInstance.Json("""
            {"cron": "0 0 1 1 *", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:inside"],
            "context": {"query": "select 1", "tea": true} }
            """);

        (await _api.SendAsync("alice", "PUT", "/api/v1/schedule/thrown", cancellationToken, refused)).AssertStatus(400);

        await AssertLastAsync(
            "user=alice&target=schedule/thrown", "FAILED", status: null, "schedule/thrown", cancellationToken);
    }

    private async Task ExpectAsync(
        string caller, string method, string path, string action, string target, string changed,
            CancellationToken cancellationToken,
        HttpContent? content = null)
    {
        var reply = await _api.SendAsync(caller, method, path, cancellationToken, content);
        Assert.That((int)reply.Status, Is.InRange(200, 204), reply.Text);
        var record = await LastAsync($"user={caller}&target={target}", cancellationToken);
        Assert.That(
            (record.GetProperty("action").GetString(), record.GetProperty("outcome").GetString(),
                record.GetProperty("authenticated_by").GetString(), record.GetProperty("address").GetString()),
            Is.EqualTo((action, "DONE", "api_key", "127.0.0.1")));
        await AssertOneTransactionAsync(changed, target, action, cancellationToken);
    }

    /// <summary>A row names the transaction that has written it.</summary>
    private async Task AssertOneTransactionAsync(string changed, string target, string action,
        CancellationToken cancellationToken) => Assert.That(
        await _api.Heimdall.Store.ScalarAsync<bool>(
            $"select (select xmin::text from heimdall.{changed}) = (select xmin::text from heimdall.audit where target = $1 and action = $2 order by id desc limit 1)",
            cancellationToken, target, action),
        Is.True, $"{action} of {target}");

    /// <summary>What is no change of the store is recorded when it has been answered.</summary>
    private Task<JsonElement> AssertLastAsync(string filter, string outcome, int? status, string target,
        CancellationToken cancellationToken) =>
        Eventually.Becomes(
            () => LastAsync(filter, cancellationToken),
            () => Is.Not.Null.And.Matches<JsonElement>(record => record.ValueKind == JsonValueKind.Object
                && record.GetProperty("outcome").GetString() == outcome
                && record.GetProperty("target").GetString() == target
                && (record.TryGetProperty("status", out var code) ? code.GetInt32() : (int?)null) == status),
            cancellationToken);

    /// <returns>An undefined element where there is none.</returns>
    private async Task<JsonElement> LastAsync(string filter, CancellationToken cancellationToken) =>
        (await _api.SendAsync("admin", "GET", $"/api/v1/audit?limit=1&{filter}", cancellationToken)).AssertStatus(200)
            .Json.GetProperty("data").EnumerateArray().FirstOrDefault();

    private Task<long> CountAsync(string user, CancellationToken cancellationToken) =>
        _api.Heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.audit where \"user\" = $1",
            cancellationToken, user);

    private async Task<Guid> WaitingJobAsync(CancellationToken cancellationToken) =>
        (await _api.PostAsync("alice", "/api/v1/job", """
            {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:inside"],
            "start_after":"2951-01-01T00:00:00Z","context":{"query":"select 1"} }
            """, cancellationToken)).AssertStatus(202).Id;

    private static StringContent Schedule() => RoleInstance.Json("""
        {"cron": "0 0 1 1 *", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:inside"], "context": {"query": "select 1"} }
        """);
}
