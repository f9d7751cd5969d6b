using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>
/// <c>allowed_callers</c> and tags hold wherever a command is reached, and what others' jobs run is not changed behind
/// their backs. Only alice may use the command <c>alice-only</c>.
/// </summary>
[CancelAfter(120_000)]
public sealed class NoWayRoundTests
{
    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start() => _api = await RoleInstance.StartAsync(
        worker: true,
        users: ["alice", "bob"],
        config => config.WithCommand("alice-only", "type:closed", ", allowed_callers: [alice]").WithSchedule(
            "filed",
            "user: alice, cron: 0 0 1 1 *, command_criteria: [\"_id:postgres-0.0.1\"], "
            + "cluster_criteria: [\"_id:inside\"], context: {query: select 1, "
            + "variables: {pin: {value: \"${env:PATH}\", secret: true}}}"),
        "{role: submitter, users: [mixed]}, {role: reader, users: [mixed], cluster_tags: [team:a]}, "
        + "{role: operator, users: [pg-operator], command_tags: [type:postgres]}, "
        + "{role: submitter, users: [dual], cluster_tags: [team:a]}, {role: operator, users: [dual]}",
        keysFor: ["mixed", "pg-operator", "dual"]);

    [OneTimeTearDown]
    public async Task Stop() => await _api.DisposeAsync();

    [Test]
    public async Task A_script_of_a_schedule_is_not_replaced_by_another_caller_who_then_triggers_it(
        CancellationToken cancellationToken)
    {
        await PutScriptAsync("alice", "d2.sql", "select 'of alice'", 201, cancellationToken);
        await PutScheduleAsync("alice", "d2", "d2.sql", "alice-only", 201, cancellationToken);

        (await PutScriptAsync("bob", "d2.sql", "select 'of bob'", 403, cancellationToken))
            .AssertProblem(403, "operator");
        (await _api.SendAsync("bob", "DELETE", "/api/v1/sql/d2.sql", cancellationToken)).AssertProblem(404);
        (await _api.SendAsync("bob", "POST", "/api/v1/schedule/d2/trigger", cancellationToken))
            .AssertProblem(404, "There is no schedule 'd2'");
        (await PutScheduleAsync("bob", "d2", "d2.sql", "alice-only", 403, cancellationToken))
            .AssertProblem(403, "operator");
        (await _api.SendAsync("operator", "POST", "/api/v1/schedule/d2/trigger", cancellationToken))
            .AssertProblem(403, "User 'operator' may not use");
        (await _api.SendAsync("operator", "POST", "/api/v1/schedule/d2/resume", cancellationToken))
            .AssertProblem(403, "User 'operator' may not use");
        (await PutScheduleAsync("operator", "d2", "select 'of the operator'", "alice-only", 403, cancellationToken))
            .AssertProblem(403, "User 'operator' may not use");

        (await _api.SendAsync("operator", "POST", "/api/v1/schedule/d2/pause", cancellationToken)).AssertStatus(200);
        (await _api.SendAsync("alice", "POST", "/api/v1/schedule/d2/resume", cancellationToken)).AssertStatus(200);
        var run = (await _api.SendAsync("alice", "POST", "/api/v1/schedule/d2/trigger", cancellationToken))
            .AssertStatus(202);
        var job = await EndAsync(Guid.Parse(run["job_id"]!), cancellationToken);
        Assert.That((job["user"], job["status"], job["command_id"]), Is.EqualTo(("alice", "SUCCEEDED", "alice-only")));
        Assert.That(job["sha256"], Is.EqualTo(Sha256("select 'of alice'")));
    }

    [Test]
    public async Task What_others_name_and_is_not_there_is_put_by_nobody_else(CancellationToken cancellationToken)
    {
        _api.Heimdall.WriteScript("missing.sql", "select 1");
        _api.Heimdall.WriteScript("of-a-job.sql", "select 1");
        await PutScheduleAsync("alice", "later", "\\t missing.sql ", "alice-only", 201, cancellationToken);
        (await _api.PostAsync("alice", "/api/v1/job", """
            {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:inside"],
            "start_after":"2951-01-01T00:00:00Z","context":{"query":"of-a-job.sql"} }
            """, cancellationToken)).AssertStatus(202);
        File.Delete(Path.Combine(_api.Heimdall.SqlDirectory, "missing.sql"));
        File.Delete(Path.Combine(_api.Heimdall.SqlDirectory, "of-a-job.sql"));

        (await PutScriptAsync("bob", "missing.sql", "select 1", 403, cancellationToken))
            .AssertProblem(403, "a job or schedule of another user");
        (await PutScriptAsync("bob", "of-a-job.sql", "select 1", 403, cancellationToken))
            .AssertProblem(403, "a job or schedule of another user");
        await PutScriptAsync("alice", "missing.sql", "select 1", 201, cancellationToken);
        await PutScriptAsync("operator", "of-a-job.sql", "select 1", 201, cancellationToken);
        await PutScriptAsync("bob", "named-by-nobody.sql", "select 1", 201, cancellationToken);
    }

    [Test]
    public async Task A_script_that_was_there_before_belongs_to_operators(CancellationToken cancellationToken)
    {
        _api.Heimdall.WriteScript("old.sql", "select 'old'");
        File.CreateSymbolicLink(Path.Combine(_api.Heimdall.SqlDirectory, "link.sql"), "target.sql");
        await PutScriptAsync("bob", "target.sql", "select 1", 201, cancellationToken);

        (await PutScriptAsync("bob", "old.sql", "select 1", 403, cancellationToken))
            .AssertProblem(403, "belongs to operators");
        (await PutScriptAsync("bob", "link.sql", "select 1", 403, cancellationToken))
            .AssertProblem(403, "links belong to operators");
        (await _api.SendAsync("bob", "GET", "/api/v1/sql/old.sql", cancellationToken)).AssertProblem(404);
        await PutScriptAsync("operator", "old.sql", "select 2", 200, cancellationToken);
        (await PutScriptAsync("bob", "old.sql", "select 1", 403, cancellationToken)).AssertProblem(403);
        var job = await _api.PostAsync("bob", "/api/v1/job", RoleInstance.Batch("inside", "old.sql"),
            cancellationToken);
        Assert.That((await EndAsync(job.AssertStatus(202).Id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"),
            "anybody may run it");
    }

    [Test]
    public async Task A_script_has_the_owner_who_put_it_also_once_it_is_deleted(CancellationToken cancellationToken)
    {
        await PutScriptAsync("bob", "owned/a.sql", "select 1", 201, cancellationToken);
        await PutScriptAsync("bob", "owned/b.sql", "select 1", 201, cancellationToken);
        await PutScriptAsync("alice", "owned/c.sql", "select 1", 201, cancellationToken);
        await PutScriptAsync("bob", "owned/empty.sql", "", 400, cancellationToken);
        await PutScriptAsync("operator", "owned/b.sql", "select 2", 200, cancellationToken);

        Assert.That(await ListAsync("bob", ""), Is.EqualTo(new[] { "owned/a.sql bob", "owned/b.sql bob" }));
        Assert.That(await ListAsync("bob", "&limit=1"), Is.EqualTo(new[] { "owned/a.sql bob" }));
        Assert.That(await ListAsync("bob", "&after=owned/a.sql"), Is.EqualTo(new[] { "owned/b.sql bob" }));
        Assert.That(await ListAsync("reader", ""),
            Is.EqualTo(new[] { "owned/a.sql bob", "owned/b.sql bob", "owned/c.sql alice" }));
        Assert.That(await ListAsync("reader-a", ""), Is.Empty, "scripts have no tags");

        (await _api.SendAsync("bob", "DELETE", "/api/v1/sql/owned/a.sql", cancellationToken)).AssertStatus(204);
        Assert.That(await ListAsync("bob", ""), Is.EqualTo(new[] { "owned/b.sql bob" }));
        (await PutScriptAsync("alice", "owned/a.sql", "select 3", 403, cancellationToken))
            .AssertProblem(403, "another user");
        await PutScriptAsync("bob", "owned/a.sql", "select 4", 201, cancellationToken);
        (await _api.SendAsync("bob", "DELETE", "/api/v1/sql/owned/a.sql", cancellationToken)).AssertStatus(204);
        await PutScriptAsync("operator", "owned/a.sql", "select 5", 201, cancellationToken);
        Assert.That(await ListAsync("bob", ""), Is.EqualTo(new[] { "owned/a.sql bob", "owned/b.sql bob" }));
        await PutScriptAsync("alice", "owned/empty.sql", "select 3", 201, cancellationToken);

        async Task<string[]> ListAsync(string caller, string more) =>
        [
            .. (await _api.SendAsync(caller, "GET", $"/api/v1/sql?prefix=owned/{more}", cancellationToken))
                .AssertStatus(200)
                .Json.GetProperty("data").EnumerateArray().Select(script =>
                    $"{script.GetProperty("path")} {script.GetProperty("owner")}"),
        ];
    }

    [Test]
    public async Task A_schedule_runs_as_its_owner_whoever_edits_it_and_its_commands_must_allow_both(
        CancellationToken cancellationToken)
    {
        await PutScheduleAsync("alice", "edited", "select 'alice'", "postgres-0.0.1", 201, cancellationToken);

        var edited = await PutScheduleAsync("operator", "edited", "select 'edited'", "postgres-0.0.1", 200,
            cancellationToken);
        Assert.That(edited["user"], Is.EqualTo("alice"));
        var run = (await _api.SendAsync("operator", "POST", "/api/v1/schedule/edited/trigger", cancellationToken))
            .AssertStatus(202);
        Assert.That(run["triggered_by"], Is.EqualTo("operator"));
        Assert.That((await EndAsync(Guid.Parse(run["job_id"]!), cancellationToken))["user"], Is.EqualTo("alice"));

        // The command that it names becomes one that its last editor may not use.
        await _api.Heimdall.Store.ExecuteAsync(
            "update heimdall.schedule set command_criteria = array['_id:alice-only'] where id = 'edited'",
                cancellationToken);
        var refused = await _api.SendAsync("alice", "POST", "/api/v1/schedule/edited/trigger", cancellationToken);
        refused.AssertProblem(422, "User 'operator' may not use");
    }

    [Test]
    public async Task The_secret_of_anothers_schedule_is_kept_only_for_what_it_was_put_for(
        CancellationToken cancellationToken)
    {
        (await PutAsync("alice", "select 1", "\"of-alice\"", "_id:inside")).AssertStatus(201);

        (await PutAsync("operator", "select 1", "null", "_id:inside")).AssertStatus(200);
        (await PutAsync("operator", "select :'pin'", "null", "_id:inside"))
            .AssertProblem(400, "context.variables.pin", "send it again");
        (await PutAsync("operator", "select 1", "null", "_id:outside"))
            .AssertProblem(400, "context.variables.pin", "send it again");
        (await PutAsync("operator", "select 1", "\"of-operator\"", "_id:outside")).AssertStatus(200);
        (await PutAsync("alice", "select :'pin'", "null", "_id:inside")).AssertStatus(200);
        (await PutAsync("alice", "select 2", "null", "_id:inside", "filed"))
            .AssertProblem(400, "context.variables.pin", "send it again");
        (await PutAsync("alice", "select 1", "null", "_id:inside", "filed")).AssertStatus(200);

        Task<Reply> PutAsync(string caller, string query, string value, string cluster, string id = "pinned") =>
            _api.SendAsync(
                caller, "PUT", $"/api/v1/schedule/{id}", cancellationToken,
                new StringContent(
                    $$"""
                    {"cron": "0 0 1 1 *", "command_criteria": ["_id:postgres-0.0.1"],
                     "cluster_criteria": ["{{cluster}}"],
                     "context": {"query": "{{query}}", "variables": {"pin": {"value": {{value}}, "secret": true} } } }
                    """,
                    Encoding.UTF8, "application/json"));
    }

    [Test]
    public async Task A_new_schedule_needs_the_role_that_its_jobs_need(CancellationToken cancellationToken) =>
        (await PutScheduleAsync("operator", "of-no-submitter", "select 1", "postgres-0.0.1", 403, cancellationToken))
            .AssertProblem(403, "This needs the role submitter");

    [Test]
    public async Task Another_role_does_not_make_more_of_ones_own_schedule(CancellationToken cancellationToken)
    {
        (await _api.PostAsync("dual", "/api/v1/job", RoleInstance.Batch("outside", "select 1"), cancellationToken))
            .AssertProblem(422, "No cluster carries");
        (await _api.SendAsync("dual", "PUT", "/api/v1/schedule/dual", cancellationToken,
            Schedule("select 1", "postgres-0.0.1", "_id:inside", "allow"))).AssertStatus(201);

        (await _api.SendAsync("dual", "PUT", "/api/v1/schedule/dual", cancellationToken,
            Schedule("select 1", "postgres-0.0.1", "_id:outside", "allow"))).AssertStatus(200);

        (await _api.SendAsync("dual", "POST", "/api/v1/schedule/dual/trigger", cancellationToken))
            .AssertProblem(422, "No cluster carries");
    }

    [Test]
    public async Task The_page_of_a_job_shows_its_script_to_who_may_read_the_script(
        CancellationToken cancellationToken)
    {
        await PutScriptAsync("alice", "unread.sql", "select 1 as kept_to_alice", 201, cancellationToken);

        Assert.That(await PageAsync("bob", "bob"), Does.Contain("not yours to read").And.Not.Contain("kept_to_alice"));
        Assert.That(await PageAsync("bob", "operator"), Does.Contain("kept_to_alice"));
        Assert.That(await PageAsync("alice", "alice"), Does.Contain("kept_to_alice"));

        async Task<string> PageAsync(string owner, string caller)
        {
            var job = (await _api.PostAsync(owner, "/api/v1/job", """
                {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:inside"],
                "start_after":"2951-01-01T00:00:00Z","context":{"query":"unread.sql"} }
                """, cancellationToken)).AssertStatus(202).Id;
            return (await _api.SendAsync(caller, "GET", $"/hangfire/sql/jobs/{job}", cancellationToken))
                .AssertStatus(200).Text;
        }
    }

    [Test]
    public async Task The_form_above_the_jobs_offers_what_a_caller_may_see(CancellationToken cancellationToken)
    {
        Assert.That(await OfferedAsync("reader"),
            Is.EqualTo(new[] { "inside", "outside", "postgres-0.0.1", "alice-only" }));
        Assert.That(await OfferedAsync("reader-a"), Is.EqualTo(new[] { "inside", "postgres-0.0.1", "alice-only" }));
        Assert.That(await OfferedAsync("pg-operator"), Is.EqualTo(new[] { "inside", "outside", "postgres-0.0.1" }));

        async Task<string[]> OfferedAsync(string caller)
        {
            var page = (await _api.SendAsync(caller, "GET", "/hangfire/sql/jobs", cancellationToken))
                .AssertStatus(200).Text;
            return [.. new[] { "inside", "outside", "postgres-0.0.1", "alice-only" }.Where(id =>
                page.Contains($"<option value=\"{id}\"", StringComparison.Ordinal))];
        }
    }

    [Test]
    public async Task A_submission_that_is_sent_again_shows_no_job_that_has_gone_out_of_sight(
        CancellationToken cancellationToken)
    {
        var queued = """
            {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:inside"],
            "start_after":"2951-01-01T00:00:00Z","context":{"query":"select 1"} }
            """;
        foreach (var (path, body, again) in new[]
        {
            ("/api/v1/job", queued, 202), ("/api/v1/jobs", $"[{queued}]", 202),
            ("/api/v1/job", RoleInstance.Query("inside"), 409),
        })
        {
            var key = Guid.NewGuid().ToString();
            Task<Reply> PostAsync() => _api.SendAsync(
                "submitter-a", "POST", path, cancellationToken, RoleInstance.Json(body), ("Idempotency-Key", key));
            Assert.That((int)(await PostAsync()).Status, Is.InRange(200, 202), path);
            (await PostAsync()).AssertStatus(again);

            await _api.Heimdall.Store.ExecuteAsync(
                """
                update heimdall.job set cluster_id = 'outside' where id = any (
                    select unnest(job_ids) from heimdall.idempotency_key where key = $1)
                """,
                cancellationToken, key);

            (await PostAsync()).AssertProblem(404, "There is no job");
        }
    }

    [Test]
    public async Task A_retry_is_a_job_of_who_asks_and_the_command_must_allow_them(CancellationToken cancellationToken)
    {
        var closed = await BatchAsync("alice", "alice-only", "inside", cancellationToken);
        var open = await BatchAsync("alice", "postgres-0.0.1", "inside", cancellationToken);

        (await _api.SendAsync("operator", "POST", $"/api/v1/job/{closed}/retry", cancellationToken))
            .AssertProblem(403, "User 'operator' may not use");
        var again = (await _api.SendAsync("operator", "POST", $"/api/v1/job/{open}/retry", cancellationToken))
            .AssertStatus(202);
        Assert.That(again["user"], Is.EqualTo("operator"));
        foreach (var (caller, isShown) in new[] { ("alice", false), ("operator", true) })
        {
            var page = (await _api.SendAsync(caller, "GET", $"/hangfire/sql/jobs/{open}", cancellationToken)).AssertStatus(200);
            Assert.That(page.Text.Contains($"{again.Id}", StringComparison.Ordinal), Is.EqualTo(isShown), caller);
        }
        (await _api.SendAsync("bob", "POST", $"/api/v1/job/{open}/retry", cancellationToken))
            .AssertProblem(404, "There is no job");
        (await _api.SendAsync("reader", "POST", $"/api/v1/job/{open}/cancel", cancellationToken))
            .AssertProblem(403,
                "This needs the role submitter for what is one's own, and operator or admin for what is others'.");
    }

    [Test]
    public async Task A_role_for_some_clusters_reaches_no_others(CancellationToken cancellationToken)
    {
        (await _api.PostAsync("submitter-a", "/api/v1/job", RoleInstance.Query("outside"), cancellationToken))
            .AssertProblem(422, "No cluster carries");
        var anywhere = RoleInstance.Query("inside").Replace("_id:inside", "data:local", StringComparison.Ordinal);
        var resolved = (await _api.PostAsync("submitter-a", "/api/v1/resolve", anywhere, cancellationToken))
            .AssertStatus(200);
        Assert.That(Ids(resolved.Json.GetProperty("clusters")), Is.EqualTo(new[] { "inside" }));
        (await _api.SendAsync("submitter-a", "PUT", "/api/v1/schedule/scoped", cancellationToken,
            Schedule("select 1", "postgres-0.0.1", "data:local", "allow"))).AssertStatus(201);

        for (var i = 0; i < 15; i++)
        {
            var inline = (await _api.PostAsync("submitter-a", "/api/v1/job", anywhere, cancellationToken))
                .AssertStatus(200);
            Assert.That(inline["cluster_id"], Is.EqualTo("inside"));
            var run = (await _api.SendAsync("submitter-a", "POST", "/api/v1/schedule/scoped/trigger",
                cancellationToken)).AssertStatus(202);
            var job = (await _api.SendAsync("admin", "GET", $"/api/v1/job/{run["job_id"]}", cancellationToken))
                .AssertStatus(200);
            Assert.That((job["cluster_id"], job["user"]), Is.EqualTo(("inside", "submitter-a")));
        }
    }

    [Test]
    public async Task A_role_for_some_commands_neither_sees_nor_stops_others(CancellationToken cancellationToken)
    {
        var open = await BatchAsync("alice", "postgres-0.0.1", "inside", cancellationToken);
        var closed = await BatchAsync("alice", "alice-only", "inside", cancellationToken);

        var commands = await _api.SendAsync("pg-operator", "GET", "/api/v1/commands", cancellationToken);

        Assert.That(Ids(commands.AssertStatus(200).Json), Is.EqualTo(new[] { "postgres-0.0.1" }));
        (await _api.SendAsync("pg-operator", "GET", "/api/v1/command/alice-only", cancellationToken))
            .AssertProblem(404);
        (await _api.SendAsync("pg-operator", "GET", $"/api/v1/job/{open}", cancellationToken)).AssertStatus(200);
        (await _api.SendAsync("pg-operator", "GET", $"/api/v1/job/{closed}", cancellationToken)).AssertProblem(404);
        (await _api.SendAsync("pg-operator", "POST", "/api/v1/command/postgres-0.0.1/resume", cancellationToken))
            .AssertStatus(200);
        (await _api.SendAsync("pg-operator", "POST", "/api/v1/cluster/inside/pause", cancellationToken))
            .AssertProblem(403, "also serves jobs");
    }

    [Test]
    public async Task Lists_searches_and_counts_hold_what_a_caller_may_see_and_each_once(
        CancellationToken cancellationToken)
    {
        Guid[] mine = [await _api.MakeJobAsync("mixed", "inside", cancellationToken),
            await _api.MakeJobAsync("mixed", "outside", cancellationToken)];
        Guid[] bobs = [await _api.MakeJobAsync("bob", "inside", cancellationToken),
            await _api.MakeJobAsync("bob", "outside", cancellationToken)];
        Guid[] all = [.. mine, .. bobs];

        foreach (var (caller, seen) in new (string, Guid[])[]
        {
            ("mixed", [mine[0], mine[1], bobs[0]]), ("bob", bobs), ("reader", all), ("reader-a", [mine[0], bobs[0]]),
                ("submitter", []), ("operator-a", [mine[0], bobs[0]]),
        })
        {
            foreach (var filter in new[] { "limit=2", "limit=3&order_by=updated_at&direction=asc",
                "limit=200&status=SUCCEEDED,FAILED", "limit=200&text=select%201" })
            {
                var listed = await ListAllAsync(caller, filter, cancellationToken);
                Assert.That(listed, Is.Unique, $"{caller} {filter}");
                Assert.That(listed.Intersect(all), Is.EquivalentTo(seen), $"{caller} {filter}");
            }
            var page = (await _api.SendAsync(caller, "GET", "/hangfire/sql/jobs?name=q", cancellationToken))
                .AssertStatus(200).Text;
            Assert.That(all.Where(id => page.Contains(id.ToString(), StringComparison.Ordinal)), Is.SubsetOf(seen),
                caller);
        }
    }

    [Test]
    public async Task The_page_of_clusters_counts_what_a_caller_may_see(CancellationToken cancellationToken)
    {
        var job = (await _api.PostAsync("alice", "/api/v1/job", """
            {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:outside"],
            "start_after":"2951-01-01T00:00:00Z","context":{"query":"select 1"} }
            """, cancellationToken)).AssertStatus(202).Id;

        // Others of the fixture may wait there too.
        Assert.That(await PageAsync("alice"), Does.Match("[1-9][0-9]* queued on outside"));
        Assert.That(await PageAsync("reader"), Does.Match("[1-9][0-9]* queued on outside"));
        Assert.That(await PageAsync("bob"), Does.Contain("outside").And.Not.Contain("queued on outside"));
        Assert.That(await PageAsync("reader-a"), Does.Contain("inside").And.Not.Contain("outside"));
        (await _api.SendAsync("alice", "POST", $"/api/v1/job/{job}/cancel", cancellationToken)).AssertStatus(200);

        async Task<string> PageAsync(string caller) =>
            (await _api.SendAsync(caller, "GET", "/hangfire/sql/clusters", cancellationToken)).AssertStatus(200).Text;
    }

    [Test]
    public async Task A_job_of_another_is_no_predecessor(CancellationToken cancellationToken)
    {
        var others = await _api.MakeJobAsync("alice", "inside", cancellationToken);
        var body = $$"""
            {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:inside"],"after":["{{others}}"],
            "context":{"query":"select 1"} }
            """;

        (await _api.PostAsync("bob", "/api/v1/job", body, cancellationToken))
            .AssertProblem(400, $"There is no job {others}");
        (await _api.PostAsync("bob", "/api/v1/jobs", $"[{body}]", cancellationToken))
            .AssertProblem(400, $"There is no job {others}");
        (await _api.PostAsync("alice", "/api/v1/job", body, cancellationToken)).AssertStatus(202);
    }

    [Test]
    public async Task Buttons_of_Hangfire_do_nothing_whoever_presses_them(CancellationToken cancellationToken)
    {
        await PutScheduleAsync("alice", "pressed", "select 1", "postgres-0.0.1", 201, cancellationToken);
        var job = (await _api.PostAsync("alice", "/api/v1/job", """
            {"name":"b","command_criteria":["_id:postgres-0.0.1"],"cluster_criteria":["_id:inside"],
            "start_after":"2951-01-01T00:00:00Z","context":{"query":"select 1"} }
            """, cancellationToken)).AssertStatus(202).Id;
        var entry = await _api.Heimdall.Store.ScalarAsync<string>("select queue_id from heimdall.job where id = $1",
            cancellationToken, job);

        foreach (var caller in new[] { "reader", "operator", "admin" })
        {
            (await _api.PressAsync(caller, $"/jobs/actions/delete/{entry}", cancellationToken))
                .AssertProblem(403, "for reading");
            (await _api.PressAsync(caller, "/recurring/trigger", cancellationToken, ("jobs[]", "pressed")))
                .AssertProblem(403, "for reading");
        }

        Assert.That(await _api.Heimdall.Store.ScalarAsync<string>("select status from heimdall.job where id = $1",
            cancellationToken, job), Is.EqualTo("ACCEPTED"));
        Assert.That(await _api.Heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.schedule_run where schedule = 'pressed'", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Pages_show_buttons_and_ways_to_those_who_may_use_them(CancellationToken cancellationToken)
    {
        var job = await _api.MakeJobAsync("alice", "inside", cancellationToken);
        await PutScheduleAsync("alice", "shown", "select 1", "postgres-0.0.1", 201, cancellationToken);
        foreach (var (caller, buttons, stock) in new[] { ("alice", true, false), ("reader", false, true),
            ("operator", true, true), ("operator-a", true, false) })
        {
            var page = (await _api.SendAsync(caller, "GET", $"/hangfire/sql/jobs/{job}", cancellationToken))
                .AssertStatus(200).Text;
            Assert.That(page.Contains($"/sql/jobs/{job}/retry", StringComparison.Ordinal), Is.EqualTo(buttons), caller);
            Assert.That(page.Contains("/hangfire/sql/engine", StringComparison.Ordinal), Is.EqualTo(stock), caller);
            var schedule = (await _api.SendAsync(caller, "GET", "/hangfire/sql/schedules/shown", cancellationToken))
                .AssertStatus(200).Text;
            Assert.That(schedule.Contains("/sql/schedules/shown/trigger", StringComparison.Ordinal),
                Is.EqualTo(buttons), caller);
            var clusters = (await _api.SendAsync(caller, "GET", "/hangfire/sql/clusters", cancellationToken))
                .AssertStatus(200).Text;
            Assert.That(clusters.Contains("/sql/pauses/add", StringComparison.Ordinal),
                Is.EqualTo(caller.StartsWith("operator", StringComparison.Ordinal)), caller);
        }
        var home = await _api.SendAsync("alice", "GET", "/hangfire", cancellationToken);
        Assert.That(home.AssertStatus(200).Text, Does.Contain("Overview").And.Not.Contain("Workers"));
        var stats = await _api.PressAsync("alice", "/stats", cancellationToken, ("metrics[]", "succeeded:count"));
        Assert.That(stats.AssertStatus(200).Text, Is.EqualTo("{}"));
        (await _api.SendAsync("bob", "GET", $"/hangfire/sql/jobs/{job}", cancellationToken)).AssertStatus(404);
        (await _api.PressAsync("bob", $"/sql/jobs/{job}/cancel", cancellationToken)).AssertStatus(404);
    }

    private async Task<List<Guid>> ListAllAsync(string caller, string filter, CancellationToken cancellationToken)
    {
        var ids = new List<Guid>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = (await _api.SendAsync(caller, "GET", $"/api/v1/jobs?{filter}{cursor}", cancellationToken))
                .AssertStatus(200);
            ids.AddRange(page.Json.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("id").GetGuid()));
            cursor = page["next_cursor"] is { } next ? $"&cursor={next}" : null;
        }
        return ids;
    }

    private async Task<Guid> BatchAsync(string caller, string command, string cluster,
        CancellationToken cancellationToken)
    {
        var job = await _api.PostAsync(caller, "/api/v1/job",
            RoleInstance.Batch(cluster, "select 1", $"_id:{command}"), cancellationToken);
        await EndAsync(job.AssertStatus(202).Id, cancellationToken);
        return job.Id;
    }

    private Task<Reply> EndAsync(Guid id, CancellationToken cancellationToken) => Eventually.Becomes(
        () => _api.SendAsync("admin", "GET", $"/api/v1/job/{id}", cancellationToken),
        () => Is.Not.Null.And.Matches<Reply>(job =>
            job?["status"] is "SUCCEEDED" or "FAILED" or "CANCELED" or "KILLED"),
        cancellationToken);

    private async Task<Reply> PutScriptAsync(string caller, string path, string sql, int status,
        CancellationToken cancellationToken) =>
        (await _api.SendAsync(caller, "PUT", $"/api/v1/sql/{path}", cancellationToken, new StringContent(sql)))
            .AssertStatus(status);

    private async Task<Reply> PutScheduleAsync(
        string caller, string id, string query, string command, int status, CancellationToken cancellationToken) =>
        (await _api.SendAsync(caller, "PUT", $"/api/v1/schedule/{id}", cancellationToken,
            Schedule(query, command, "_id:inside", "skip"))).AssertStatus(status);

    private static StringContent Schedule(string query, string command, string cluster, string overlap) => RoleInstance.Json($$"""
        {"cron": "0 0 1 1 *", "overlap": "{{overlap}}", "command_criteria": ["_id:{{command}}"], "cluster_criteria": ["{{cluster}}"],
        "context": {"query": "{{query}}"} }
        """);

    private static string[] Ids(JsonElement list) =>
        [.. list.EnumerateArray().Select(item => item.GetProperty("id").GetString()!)];

    private static string Sha256(string text) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));
}
