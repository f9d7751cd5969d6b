using System.Security.Cryptography;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Secrets;

/// <summary>Secret parameters reach the database, and nothing else. They are gone with the end of their job.</summary>
[CancelAfter(180_000)]
public sealed class SecretParameterTests
{
    private const string Secret = "s3cret-Sesame-0pen";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task An_inline_query_gets_its_secret_and_shows_and_stores_none(CancellationToken cancellationToken)
    {
        var reply = await SubmitAsync("select length(:pw::text) as n", new { pw = Marked(Secret) }, cancellationToken);

        reply.AssertStatus(200);
        Assert.That(reply.Text, Does.Contain($"[{Secret.Length}]").And.Not.Contain(Secret));
        var job = await _heimdall.JobAsync(reply.Id, cancellationToken);
        Assert.That(
            job.Json.GetProperty("context").GetProperty("parameters").GetRawText(),
            Is.EqualTo("""{"pw":{"value":null,"secret":true}}"""));
        Assert.That(await StoredAsync(reply.Id, cancellationToken), Is.Null);
        await AssertNotInStoreAsync(Secret, cancellationToken);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_queued_job_gets_its_secret_which_is_gone_with_its_end(
        bool isQuery, CancellationToken cancellationToken)
    {
        var gate = $"queued-{isQuery}";
        await _heimdall.CloseGateAsync(gate, cancellationToken);
        await _heimdall.Target.ExecuteAsync("create table if not exists seen (secret text)", cancellationToken);
        var wait = HeimdallInstance.WaitAt(gate);
        var reply = isQuery
            ? await SubmitAsync(
                "with w as (select pg_sleep(case when exists (select from gate "
                + $"where name = '{gate}') then 1 else 0 end)) "
                + "insert into seen select $1 from w returning 1",
                new[] { Marked(Secret) }, cancellationToken, "respond-async")
            : await _heimdall.SubmitAsync(
                $"{wait}; insert into seen values (:'pw');", returnResult: false, cancellationToken,
                more: new { variables = new { pw = Marked(Secret) } });
        var id = reply.AssertStatus(202).Id;
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        Assert.That(await StoredAsync(id, cancellationToken), Is.Not.Null.And.Not.Contains(Secret));
        await AssertNotInStoreAsync(Secret, cancellationToken);
        await _heimdall.OpenGateAsync(gate, cancellationToken);

        var ended = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(ended["status"], Is.EqualTo("SUCCEEDED"), ended.Text);
        Assert.That(
            await _heimdall.Target.ScalarAsync<string>("delete from seen returning secret", cancellationToken),
            Is.EqualTo(Secret));
        Assert.That(await StoredAsync(id, cancellationToken), Is.Null);
    }

    [TestCase("select :pw::int", "query")]
    [TestCase("select :pw::uuid", "query")]
    [TestCase("do $$ begin raise notice 'it is %', :'pw'; end $$", "batch")]
    [TestCase(
        "select set_config('x.y', :'pw', false); do $$ begin raise notice 'it is %', current_setting('x.y'); "
        + "raise 'no %', left(current_setting('x.y'), 9); end $$",
        "batch")]
    [TestCase("\\echo :pw\nselect :'pw'::int;", "batch")]
    [TestCase("create role :pw in role nobody_at_all;", "batch")]
    public async Task What_the_server_repeats_of_a_secret_is_told_without_it(
        string sql, string kind, CancellationToken cancellationToken)
    {
        var reply = kind == "query"
            ? await SubmitAsync(sql, new { pw = Marked(Secret) }, cancellationToken)
            : await _heimdall.SubmitAsync(
                sql, returnResult: false, cancellationToken, prefer: "wait=60",
                more: new { variables = new { pw = Marked(Secret) } });
        var id = reply.Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        var log = await _heimdall.GetAsync($"/api/v1/job/{id}/stderr", cancellationToken);
        var output = await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken);

        foreach (var text in new[] { reply.Text, job.Text, log.Text, output.Text })
        {
            Assert.That(text, Does.Not.Contain(Secret).IgnoreCase.And.Not.Contain(Secret[..9]).IgnoreCase);
        }
        await AssertNotInStoreAsync(Secret[..9], cancellationToken);
        Assert.That(job.Text + log.Text, Does.Contain("[secret]").Or.Contain("syntax error"));
    }

    [Test]
    public async Task A_waiting_job_that_is_cancelled_keeps_none(CancellationToken cancellationToken)
    {
        var later = DateTime.UtcNow.AddHours(1).ToString("O");
        var reply = await _heimdall.PostJobAsync(
            $$"""
            {"name": "later", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "start_after": "{{later}}",
             "context": {"query": "select 1", "variables": {"pw": {"value": "{{Secret}}", "secret": true} } } }
            """,
            cancellationToken);
        var id = reply.AssertStatus(202).Id;
        Assert.That(await StoredAsync(id, cancellationToken), Is.Not.Null);

        (await _heimdall.CancelAsync(id, cancellationToken)).AssertStatus(200);

        Assert.That(await StoredAsync(id, cancellationToken), Is.Null);
    }

    [Test]
    public async Task A_job_that_goes_on_keeps_them(CancellationToken cancellationToken)
    {
        var later = DateTime.UtcNow.AddHours(1).ToString("O");
        var id = (await _heimdall.PostJobAsync(
            $$"""
            {"name": "kept", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "start_after": "{{later}}",
             "context": {"query": "select 1", "variables": {"pw": {"value": "{{Secret}}", "secret": true} } } }
            """,
            cancellationToken)).AssertStatus(202).Id;

        foreach (var status in new[] { "RUNNING", "CANCELING", "ACCEPTED" })
        {
            await _heimdall.Store.ExecuteAsync(
                $"update heimdall.job set status = '{status}' where id = $1", cancellationToken, id);
            Assert.That(await StoredAsync(id, cancellationToken), Is.Not.Null, status);
        }
        foreach (var status in new[] { "SUCCEEDED", "FAILED", "CANCELED", "KILLED" })
        {
            await _heimdall.Store.ExecuteAsync(
                "update heimdall.job set status = 'ACCEPTED', secrets = 'some' where id = $1", cancellationToken, id);
            await _heimdall.Store.ExecuteAsync(
                $"update heimdall.job set status = '{status}' where id = $1", cancellationToken, id);
            Assert.That(await StoredAsync(id, cancellationToken), Is.Null, status);
        }
    }

    [Test]
    public async Task A_retry_says_which_secrets_it_needs_and_takes_them(CancellationToken cancellationToken)
    {
        var id = (await _heimdall.SubmitAsync(
            "create table again (secret text); insert into again values (:'pw');", returnResult: false,
                cancellationToken,
            prefer: "wait=60", more: new { variables = new { pw = Marked(Secret) } })).AssertStatus(200).Id;
        await _heimdall.Target.ExecuteAsync("drop table again", cancellationToken);

        (await RetryAsync(id, "{}", cancellationToken)).AssertProblem(409, "{\"secrets\": {\"pw\":\"…\"}}");
        (await RetryAsync(id, """{"secrets": {}}""", cancellationToken)).AssertProblem(400, "secrets.pw");
        (await RetryAsync(id, """{"secrets": {"pw": "a", "other": "b"}}""", cancellationToken))
            .AssertProblem(400, "secrets.other");
        (await RetryAsync(id, """{"secrets": "pw"}""", cancellationToken)).AssertProblem(400, "secrets");
        var again = (await RetryAsync(id, """{"secrets": {"pw": "another-one"}}""", cancellationToken))
            .AssertStatus(202);

        var ended = await _heimdall.WaitForEndAsync(again.Id, cancellationToken);
        Assert.That(ended["status"], Is.EqualTo("SUCCEEDED"), ended.Text);
        Assert.That(
            await _heimdall.Target.ScalarAsync<string>("select secret from again", cancellationToken),
            Is.EqualTo("another-one"));
        await AssertNotInStoreAsync("another-one", cancellationToken);
    }

    [Test]
    public async Task Each_child_has_them_and_the_parent_has_none(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(
            $$"""
            {"name": "children", "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
             "target": "all",
             "context": {"query": "create table child (secret text); insert into child values (:'pw');",
                         "variables": {"pw": {"value": "{{Secret}}", "secret": true} } } }
            """,
            cancellationToken);
        var parent = reply.AssertStatus(202).Id;
        Assert.That(await StoredAsync(parent, cancellationToken), Is.Null);

        var ended = await _heimdall.WaitForEndAsync(parent, cancellationToken);

        Assert.That(ended["status"], Is.EqualTo("SUCCEEDED"), ended.Text);
        Assert.That(
            await _heimdall.Target.ScalarAsync<string>("select secret from child", cancellationToken),
                Is.EqualTo(Secret));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where parent_id = $1 and secrets is not null", cancellationToken,
                    parent),
            Is.Zero);
        await _heimdall.Target.ExecuteAsync("drop table child", cancellationToken);
    }

    [Test]
    public async Task Another_value_of_a_secret_is_another_request_and_its_hash_cannot_be_guessed(
        CancellationToken cancellationToken)
    {
        string Body(string secret) => $$"""
            {"name": "once", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "select 1", "variables": {"pin": {"value": "{{secret}}", "secret": true} } } }
            """;
        Task<Reply> SendAsync(string secret) =>
            _heimdall.PostJobAsync(Body(secret), cancellationToken, ("Idempotency-Key", "pins"));

        var first = (await SendAsync("1234")).AssertStatus(202);
        var again = await SendAsync("1234");
        var other = await SendAsync("1235");

        Assert.That((again.Id, again.Header("Idempotency-Replayed")), Is.EqualTo((first.Id, "true")));
        other.AssertProblem(422);
        var stored = await _heimdall.Store.ScalarAsync<byte[]>(
            "select fingerprint from heimdall.idempotency_key where key = 'pins'", cancellationToken);
        Assert.That(stored, Is.Not.EqualTo(SHA256.HashData(Encoding.UTF8.GetBytes(Body("1234")))));
        Assert.That(stored, Has.Length.EqualTo(32));
    }

    [Test]
    public async Task A_dry_run_and_a_plan_show_none(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table if not exists account (name text, pw text)",
            cancellationToken);

        var reply = await _heimdall.PostJobAsync(
            $$"""
            {"name": "dry", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "dry_run": true,
             "context": {"query": "select name from account where pw = :pw", "return_result": true,
                         "parameters": {"pw": {"value": "{{Secret}}", "secret": true} } } }
            """,
            cancellationToken);
        var asked = await _heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/resolve", cancellationToken,
            new StringContent(
                $$"""
                {"command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
                 "context": {"query": "select :pw", "return_result": true,
                             "parameters": {"pw": {"value": "{{Secret}}", "secret": true} } } }
                """,
                Encoding.UTF8, "application/json"));

        Assert.That(reply.AssertStatus(200).Text, Does.Contain("account").And.Not.Contain(Secret));
        Assert.That(asked.AssertStatus(200).Text, Does.Not.Contain(Secret).And.Contain("\"problems\":[]"));
    }

    [TestCase("""{"pw": {"secret": true}}""", "has no value")]
    [TestCase("""{"pw": {"value": ["a"], "secret": true}}""", "must be text, a number")]
    public async Task Rejects_a_secret_without_a_value(string parameters, string message,
        CancellationToken cancellationToken) =>
        (await _heimdall.PostJobAsync(
            $$"""
            {"name": "none", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "select :pw", "return_result": true, "parameters": {{parameters}} } }
            """,
            cancellationToken)).AssertProblem(400, "context.parameters.pw", message);

    private static object Marked(string value) => new { value, secret = true };

    private Task<Reply> SubmitAsync(
        string query, object parameters, CancellationToken cancellationToken, string? prefer = null) =>
        _heimdall.SubmitAsync(query, returnResult: true, cancellationToken, prefer: prefer, more: new { parameters });

    private Task<Reply> RetryAsync(Guid id, string body, CancellationToken cancellationToken) => _heimdall.SendAsync(
        HttpMethod.Post, $"/api/v1/job/{id}/retry", cancellationToken,
        new StringContent(body, Encoding.UTF8, "application/json"));

    private async Task<string?> StoredAsync(Guid id, CancellationToken cancellationToken) =>
        (await _heimdall.Store.ColumnAsync<string>(
            "select coalesce(secrets, '') from heimdall.job where id = $1", cancellationToken,
                id)).Single() is { Length: > 0 } text
            ? text
            : null;

    private async Task AssertNotInStoreAsync(string text, CancellationToken cancellationToken) =>
        Assert.That(await StoreSearch.FindAsync(_heimdall.Store, text, cancellationToken), Is.Empty);
}
