using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>The table from SQLSTATE to HTTP status, each row by SQL that PostgreSQL refuses.</summary>
[CancelAfter(60_000)]
public sealed class SqlErrorTable
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => config
                .WithCluster("read-only", "type:postgres, data:local, data:read-only", $"{config.Target};Options=-c default_transaction_read_only=on")
                .WithCommand("brief", "type:brief", ", context: {timeout_seconds: 1}"),
            worker: false);
        await _heimdall.Target.ExecuteAsync(
            "create table parent (id int primary key); insert into parent values (1); create table child (id int references parent)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("insert into parent values (1)", "23505", 409)]
    [TestCase("insert into child values (2)", "23503", 409)]
    [TestCase("selec 1", "42601", 400)]
    [TestCase("select * from nowhere", "42P01", 400)]
    [TestCase("select 1/0", "22012", 400)]
    [TestCase("do $$ begin raise exception 'no'; end $$", "P0001", 400)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '28000'; end $$", "28000", 403)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '28P01'; end $$", "28P01", 403)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '53300'; end $$", "53300", 400)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '53100'; end $$", "53100", 503)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '08006'; end $$", "08006", 400)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '57P03'; end $$", "57P03", 400)]
    [TestCase("do $$ begin raise exception 'closed' using errcode='57P01'; end $$", "57P01", 400)]
    [TestCase("do $$ begin raise exception 'no' using errcode = '40001'; end $$", "40001", 400)]
    [TestCase("select pg_terminate_backend(pg_backend_pid())", "57P01", 503)]
    public async Task A_sqlstate_has_a_status(string query, string sqlState, int status, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(query, returnResult: true, cancellationToken);

        reply.AssertProblem(status);
        Assert.That(reply["sqlstate"], Is.EqualTo(sqlState), reply.Text);
        Assert.That(reply["error"], Is.EqualTo(reply["detail"]), reply.Text);
        var job = await _heimdall.JobAsync(reply.Id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"));
        Assert.That(job["sqlstate"], Is.EqualTo(sqlState));
        Assert.That(job["error"], Is.EqualTo(reply["error"]));
    }

    [Test]
    public async Task A_write_to_what_can_only_be_read_is_not_allowed(CancellationToken cancellationToken)
    {
        var job = await _heimdall.SubmitAsync("insert into parent values (3)", returnResult: true, cancellationToken, more: new { read_only = true });
        var cluster = await _heimdall.SubmitAsync("insert into parent values (3)", returnResult: true, cancellationToken, cluster: "data:read-only");

        Assert.That(job.AssertProblem(405)["sqlstate"], Is.EqualTo("25006"));
        Assert.That(cluster.AssertProblem(405)["sqlstate"], Is.EqualTo("25006"));
    }

    [Test]
    public async Task What_the_login_may_not_do_is_forbidden(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select * from parent", returnResult: true, cancellationToken, more: new { role = "pg_monitor" });

        Assert.That(reply.AssertProblem(403)["sqlstate"], Is.EqualTo("42501"));
    }

    [Test]
    public async Task A_query_that_takes_too_long_is_a_timeout(CancellationToken cancellationToken)
    {
        var asked = await _heimdall.SubmitAsync("select pg_sleep(60)", returnResult: true, cancellationToken, more: new { timeout_seconds = 0.3 });
        var command = await _heimdall.SubmitAsync("select pg_sleep(60)", returnResult: true, cancellationToken, command: "type:brief");
        var stubborn = await _heimdall.SubmitAsync(
            "do $$ begin set statement_timeout = 0; perform pg_sleep(60); end $$", returnResult: true, cancellationToken, more: new { timeout_seconds = 0.3 });

        foreach (var reply in new[] { asked, command, stubborn })
        {
            reply.AssertProblem(504);
            var job = await _heimdall.JobAsync(reply.Id, cancellationToken);
            Assert.That(job["status"], Is.EqualTo("KILLED"), job.Text);
        }
    }

    [Test]
    public async Task An_error_tells_where_and_what_to_do(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1,\n  idd from parent", returnResult: true, cancellationToken);

        reply.AssertProblem(400);
        Assert.That(reply["position"], Is.EqualTo("13"), reply.Text);
        Assert.That(reply["line"], Is.EqualTo("2"));
        Assert.That(reply["column"], Is.EqualTo("3"));
        Assert.That(reply["hint"], Does.Contain("parent.id"));
        Assert.That(reply["retryable"], Is.EqualTo("False"));
    }

    [TestCase("40001", "True")]
    [TestCase("40P01", "True")]
    [TestCase("53300", "False", Description = "a cluster without a connection left says FATAL")]
    [TestCase("57P01", "False")]
    [TestCase("08001", "False")]
    [TestCase("23505", "False")]
    public async Task An_error_tells_whether_to_try_again(string sqlState, string retryable, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            $"do $$ begin raise exception 'no' using errcode = '{sqlState}'; end $$", returnResult: true, cancellationToken);

        Assert.That(reply["retryable"], Is.EqualTo(retryable), reply.Text);
    }

    [Test]
    public async Task A_server_that_a_statement_cannot_reach_is_not_the_cluster(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create extension if not exists dblink", cancellationToken);

        var reply = await _heimdall.SubmitAsync(
            "select * from dblink('host=/nowhere', 'select 1') as t(a int)",
            returnResult: true,
            cancellationToken);

        var problem = reply.AssertProblem(400);
        Assert.That(
            (problem["title"], problem["sqlstate"], problem["retryable"]),
            Is.EqualTo(("The database refused the query.", "08001", "False")));
    }

    [Test]
    public async Task A_reply_that_breaks_off_does_not_look_complete(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            "select repeat('x', 1000), 1 / (5000 - i) from generate_series(1, 10000) i", returnResult: true, cancellationToken);

        reply.AssertStatus(200);
        Assert.That(reply["status"], Is.EqualTo("FAILED"));
        Assert.That(reply["sqlstate"], Is.EqualTo("22012"));
        Assert.That(reply["error"], Is.EqualTo("division by zero"));
        Assert.That(reply.Json.EnumerateObject().Last().Name, Is.EqualTo("sqlstate"));
    }
}
