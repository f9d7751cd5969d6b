using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that their owners run again, from the beginning or from where they were interrupted.</summary>
[CancelAfter(60_000)]
public sealed class RetryTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s" });
        await GatedBatch.PrepareAsync(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_job_that_has_ended_runs_again_as_a_new_one(CancellationToken cancellationToken)
    {
        var old = await EndedAsync("insert into effect values ('again', 1)", cancellationToken);

        var reply = (await RetryAsync(old.Id, cancellationToken)).AssertStatus(202);
        var job = await _heimdall.WaitForEndAsync(reply.Id, cancellationToken);

        Assert.That(reply.Id, Is.Not.EqualTo(old.Id));
        Assert.That((job["status"], job["retry_of"], job["name"]), Is.EqualTo(("SUCCEEDED", old.Id.ToString(), "test")), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "again", cancellationToken), Is.EqualTo(new[] { 1, 1 }));
    }

    [Test]
    public async Task One_that_runs_cannot(CancellationToken cancellationToken)
    {
        var id = await GatedBatch.StartAsync(_heimdall, "running", cancellationToken);

        var reply = (await RetryAsync(id, cancellationToken)).AssertStatus(409);

        Assert.That(reply["detail"], Does.Contain("is RUNNING; only one that has ended can be run again"));
        await _heimdall.OpenGateAsync("running", cancellationToken);
        (await RetryAsync(Guid.NewGuid(), cancellationToken)).AssertStatus(404);
    }

    [TestCase(
        """{"from": 3, "status": "NEW"}""",
        "from: Unknown field. Known are: from_statement, secrets. status: Unknown field. Known are: from_statement, secrets.")]
    [TestCase("""{"from_statement": 0}""", "from_statement: Must be the number of a statement, from 1.")]
    [TestCase("""{"from_statement": "3"}""", "from_statement: Must be the number of a statement, from 1.")]
    [TestCase("[]", "body: Must be a JSON object.")]
    [TestCase("{", "body: Not valid JSON")]
    public async Task What_is_wrong_with_the_body_is_told(string body, string detail, CancellationToken cancellationToken)
    {
        var reply = (await RetryAsync(Guid.NewGuid(), cancellationToken, body)).AssertStatus(400);

        Assert.That(reply["detail"], Does.StartWith(detail));
    }

    [Test]
    public async Task A_batch_that_failed_on_its_way_goes_on_from_the_statement_that_failed(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table number (value int)", cancellationToken);
        _heimdall.WriteScript("way.sql", """
            set search_path to pg_catalog, public;
            insert into effect values ('way', 1); /* counted */ insert into effect values ('way', 2);
            set standard_conforming_strings = off;
            insert into effect values ('it\'s; way', 3);
            copy number from stdin;
            1
            2
            \.
            begin;
            insert into effect values ('way', 4);
            insert into effect select 'way', 5 from missing where current_setting('search_path') like 'pg_catalog%';
            commit;
            insert into effect values ('it\'s; way', :step);
            """);
        var old = await EndedAsync("way.sql", cancellationToken, new { transaction = "none", variables = new { step = 6 } });
        await _heimdall.Target.ExecuteAsync("create view missing as select 1", cancellationToken);

        var reply = (await RetryAsync(old.Id, cancellationToken, """{"from_statement": 7}""")).AssertStatus(202);
        var job = await _heimdall.WaitForEndAsync(reply.Id, cancellationToken);

        Assert.That((old["status"], old["sqlstate"]), Is.EqualTo(("FAILED", "42P01")), old.Text);
        Assert.That((job["status"], job["from_statement"], job["sha256"]), Is.EqualTo(("SUCCEEDED", "7", old["sha256"])), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "way", cancellationToken), Is.EqualTo(new[] { 1, 2, 4, 5 }));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "it's; way", cancellationToken), Is.EqualTo(new[] { 3, 6 }));
        Assert.That(await _heimdall.Target.ColumnAsync<int>("select value from number", cancellationToken), Is.EquivalentTo(new[] { 1, 2 }));
    }

    [Test]
    public async Task One_whose_worker_died_says_how_it_goes_on(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s" }, worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        await heimdall.CloseGateAsync("died", cancellationToken);
        await using var first = heimdall.StartWorkerProcess();
        var query = "insert into effect values ('died', 1);\nbegin;\ninsert into effect values ('died', 2);\n"
            + $"{HeimdallInstance.WaitAt("died")};\ncommit;\ninsert into effect values ('died', 3)";
        var id = (await heimdall.SubmitAsync(query, returnResult: false, cancellationToken, more: new { transaction = "none" })).AssertStatus(202).Id;
        await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["statements"] == "3", cancellationToken);
        await first.KillAsync(cancellationToken);
        await using var second = await heimdall.StartWorkerAsync();
        var old = await heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That((old["status"], old["statements"]), Is.EqualTo(("FAILED", "3")), old.Text);
        Assert.That(old["error"], Does.Contain("statement 1 is known to be done and stays done").And.Contain($$"""POST /api/v1/job/{{id}}/retry with {"from_statement": 2}"""));

        await heimdall.OpenGateAsync("died", cancellationToken);
        var content = new StringContent("""{"from_statement": 2}""", Encoding.UTF8, "application/json");
        var reply = await heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{id}/retry", cancellationToken, content, ("Prefer", "wait=30"));
        var job = await heimdall.WaitForEndAsync(reply.Id, cancellationToken);
        Assert.That((job["status"], job["retry_of"]), Is.EqualTo(("SUCCEEDED", id.ToString())), job.Text);
        Assert.That(await GatedBatch.StepsAsync(heimdall, "died", cancellationToken), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task One_that_connected_and_set_variables_before_its_worker_died_is_resumed_with_them(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Worker = "lease: 2s" }, worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        await heimdall.CloseGateAsync("connected", cancellationToken);
        await using var first = heimdall.StartWorkerProcess();
        var query = $"""
            \set step 1
            set search_path to pg_catalog, public;
            insert into effect values ('connected', :step);
            begin;
            insert into effect values ('connected', 99);
            \connect -
            \set step 2
            insert into effect values ('connected', :step);
            set my.own = 'kept';
            {HeimdallInstance.WaitAt("connected")};
            \if :step
            \set step 99
            \else
            \set step 3
            \endif
            insert into effect select 'connected', :step
            where current_setting('my.own') = 'kept' and current_setting('search_path') !~ 'pg_catalog';
            """;
        var more = new { transaction = "none" };
        var id = (await heimdall.SubmitAsync(query, returnResult: false, cancellationToken, more: more))
            .AssertStatus(202).Id;
        await Eventually.Is(
            async () => (await heimdall.JobAsync(id, cancellationToken))["statements"] == "6", cancellationToken);
        await first.KillAsync(cancellationToken);
        await using var second = await heimdall.StartWorkerAsync();
        var old = await heimdall.WaitForEndAsync(id, cancellationToken);
        await heimdall.OpenGateAsync("connected", cancellationToken);

        var content = new StringContent("""{"from_statement": 7}""", Encoding.UTF8, "application/json");
        var reply = await heimdall.SendAsync(
            HttpMethod.Post, $"/api/v1/job/{id}/retry", cancellationToken, content, ("Prefer", "wait=30"));
        var job = await heimdall.WaitForEndAsync(reply.Id, cancellationToken);

        Assert.That(old["status"], Is.EqualTo("FAILED"), old.Text);
        Assert.That(old["error"], Does.Contain($$"""POST /api/v1/job/{{id}}/retry with {"from_statement": 7}"""));
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(
            await GatedBatch.StepsAsync(heimdall, "connected", cancellationToken), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task One_that_takes_values_from_the_server_says_what_is_done_and_is_not_resumed(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Worker = "lease: 2s" }, worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        await heimdall.CloseGateAsync("made", cancellationToken);
        await using var first = heimdall.StartWorkerProcess();
        var query = "select format('insert into effect values (''made'', %s)', n) "
            + "from generate_series(1, 2) n \\gexec\n"
            + $"\\if true\n{HeimdallInstance.WaitAt("made")};\n\\endif\ninsert into effect values ('made', 3)";
        var more = new { transaction = "none" };
        var id = (await heimdall.SubmitAsync(query, returnResult: false, cancellationToken, more: more))
            .AssertStatus(202).Id;
        await Eventually.Is(
            async () => (await heimdall.JobAsync(id, cancellationToken))["statements"] == "3", cancellationToken);
        await first.KillAsync(cancellationToken);
        await using var second = await heimdall.StartWorkerAsync();

        var old = await heimdall.WaitForEndAsync(id, cancellationToken);
        var content = new StringContent("""{"from_statement": 4}""", Encoding.UTF8, "application/json");
        var reply = await heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{id}/retry", cancellationToken, content);

        Assert.That((old["status"], old["statements"]), Is.EqualTo(("FAILED", "3")), old.Text);
        Assert.That(
            old["error"], Does.Contain("statements 1 to 3 are known to be done and stay done").And.Not.Contain("POST"));
        reply.AssertStatus(409);
        Assert.That(reply["detail"], Does.Contain("takes values from the server (\\gexec in line 1)"));
        Assert.That(await GatedBatch.StepsAsync(heimdall, "made", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        await heimdall.OpenGateAsync("made", cancellationToken);
    }

    [Test]
    public async Task One_whose_copy_data_were_read_as_statements_is_not_resumed(CancellationToken cancellationToken)
    {
        var submission = await _heimdall.SubmitAsync(
            "copy nope_at_all from stdin;\na;\n\\.\ninsert into effect values ('counted', 1);\n",
            returnResult: false,
            cancellationToken,
            more: new { transaction = "none", on_error = "continue" });
        var old = await _heimdall.WaitForEndAsync(submission.AssertStatus(202).Id, cancellationToken);

        var reply = (await RetryAsync(old.Id, cancellationToken, """{"from_statement": 2}""")).AssertStatus(409);

        Assert.That(old["status"], Is.EqualTo("FAILED"), old.Text);
        Assert.That(reply["detail"], Does.Contain("cannot begin in the middle"));
    }

    [Test]
    public async Task A_script_that_has_changed_is_not_gone_on_with(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("changed.sql", "insert into effect values ('changed', 1);\nnonsense;\n");
        var old = await EndedAsync("changed.sql", cancellationToken, new { transaction = "none" });
        _heimdall.WriteScript("changed.sql", "insert into effect values ('changed', 0);\ninsert into effect values ('changed', 2);\n");

        var reply = (await RetryAsync(old.Id, cancellationToken, """{"from_statement": 2}""")).AssertStatus(409);

        Assert.That(reply["detail"], Does.StartWith("The script has changed since the job ran"));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "changed", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [TestCase("select 1; select 2", "single", 2, "was no batch with transaction: none")]
    [TestCase("select 1; select 2", "none", 3, "The script has 2 statements, so there is no statement 3")]
    [TestCase("begin; select 1; commit", "none", 2, "within the transaction block that begins with statement 1")]
    public async Task There_must_be_something_to_go_on_with(string query, string transaction, int statement, string detail, CancellationToken cancellationToken)
    {
        var old = await EndedAsync(query, cancellationToken, new { transaction });

        var reply = (await RetryAsync(old.Id, cancellationToken, $$"""{"from_statement": {{statement}}}""")).AssertStatus(409);

        Assert.That(reply["detail"], Does.Contain(detail));
    }

    [Test]
    public async Task An_idempotency_key_that_would_not_hold_is_refused(CancellationToken cancellationToken)
    {
        var old = await EndedAsync("select 1", cancellationToken);
        var before = await _heimdall.GetAsync("/api/v1/jobs?limit=100", cancellationToken);

        var reply = await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{old.Id}/retry", cancellationToken, content: null, ("Idempotency-Key", "once"));

        reply.AssertProblem(400, "Idempotency-Key", "retry_of");
        var after = await _heimdall.GetAsync("/api/v1/jobs?limit=100", cancellationToken);
        Assert.That(after.Json.GetProperty("data").GetArrayLength(), Is.EqualTo(before.Json.GetProperty("data").GetArrayLength()));
    }

    private async Task<Reply> EndedAsync(string query, CancellationToken cancellationToken, object? more = null) => await _heimdall.WaitForEndAsync(
        (await _heimdall.SubmitAsync(query, returnResult: false, cancellationToken, more: more)).AssertStatus(202).Id, cancellationToken);

    private Task<Reply> RetryAsync(Guid id, CancellationToken cancellationToken, string? body = null) => _heimdall.SendAsync(
        HttpMethod.Post, $"/api/v1/job/{id}/retry", cancellationToken, body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"));
}
