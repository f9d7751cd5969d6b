using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>The comment that names a trace changes nothing of what a job does, or says of itself.</summary>
[CancelAfter(60_000)]
public sealed class TraceCommentTests
{
    private const string Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync("create table t (a int)");
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("insert into t values (1) -- the end")]
    [TestCase("insert into t values (1);\n\n  select *\n  from nowhere;")]
    [TestCase("select 1;\nselect")]
    [TestCase("select 1;\nselect 1 +  ")]
    [TestCase("select 'never closed")]
    [TestCase("select $tag$ never closed")]
    [TestCase("/* only a comment */")]
    [TestCase("/* never closed")]
    [TestCase("copy t from stdin;\n1\n2\n\\.\nselect count(*) from t;")]
    [TestCase("copy t from stdin;\n1\nx\n\\.\n")]
    [TestCase("select 1 as one \\gset\n\\if :one\ninsert into t values (:one) returning a \\gset\n\\endif\n")]
    [TestCase("select $1 \\bind 5 \\g\n")]
    [TestCase("begin; insert into t values (1); commit;")]
    [TestCase("create function f() returns int language sql begin atomic select 1; end; drop function f();")]
    [TestCase("vacuum t", "none")]
    [TestCase("insert into t values (1); select 1/0; insert into t values (2)", "none")]
    [TestCase("select 1 \\; select 2 \\; select 1/0;", "none")]
    public async Task A_batch_is_the_same_with_a_comment(string sql, string transaction = "single")
    {
        var context = new JsonObject { ["query"] = sql, ["transaction"] = transaction }.ToJsonString();

        var plain = await RunAsync(_server.Job(context));
        var traced = await RunAsync(_server.Job(context) with { Traceparent = Traceparent });

        Assert.That(traced, Is.EqualTo(plain));
    }

    [TestCase("select 1 as a, 'ü' as b -- the end")]
    [TestCase("select 1 from")]
    [TestCase("select 1 +")]
    [TestCase("select 'ü', 1/0")]
    [TestCase("select 'never closed")]
    [TestCase("select '😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀' ||\n    '😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀', 1 +")]
    [TestCase("select x from t")]
    public async Task A_query_is_the_same_with_a_comment(string sql)
    {
        var (plainRows, tracedRows) = (new FakeResultWriter(), new FakeResultWriter());

        var plain = await RunAsync(_server.Query(sql, plainRows));
        var traced = await RunAsync(_server.Query(sql, tracedRows) with { Traceparent = Traceparent });

        Assert.That(traced, Is.EqualTo(plain));
        Assert.That(tracedRows.Rows, Is.EqualTo(plainRows.Rows));
    }

    [Test]
    public async Task The_server_sees_the_comment_and_the_next_job_does_not()
    {
        const string Look = "select current_query()";
        var (traced, plain) = (new FakeResultWriter(), new FakeResultWriter());

        await RunAsync(_server.Query(Look, traced) with { Traceparent = Traceparent });
        await RunAsync(_server.Query(Look, plain));

        Assert.That(traced.Rows[0][0], Is.EqualTo($"{Look}\n/*traceparent='{Traceparent}'*/"));
        Assert.That(plain.Rows[0][0], Is.EqualTo(Look));
    }

    [Test]
    public async Task What_is_no_traceparent_never_gets_into_a_statement()
    {
        var rows = new FakeResultWriter();

        await RunAsync(_server.Query("select current_query()", rows) with { Traceparent = "'*/; drop table t; /*" });

        Assert.That(rows.Rows[0][0], Is.EqualTo("select current_query()"));
    }

    /// <returns>All that a job says of its end and on its way, but times.</returns>
    private async Task<string> RunAsync(PluginJob job)
    {
        var monitor = new FakeJobMonitor();
        string end;
        try
        {
            end = Describe(await _server.Plugin.RunAsync(job, monitor, CancellationToken.None));
        }
        catch (JobFailedException exception)
        {
            var failure = exception.Failure;
            end = $"{failure.Kind} {failure.Message} {string.Join('\n', failure.Errors)}";
        }
        catch (JobRefusedException exception)
        {
            end = exception.Message;
        }
        return $"{end}\n{string.Join('\n', monitor.Err)}";
    }

    private static string Describe(JobProgress progress) =>
        $"{progress.Statements} of {progress.StatementsTotal}, {progress.BytesRead} of {progress.BytesTotal} bytes, "
        + $"{progress.RowsAffected} {progress.RowCount}, {progress.Sha256}, {progress.Errors?.Count}";
}
