using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>The table "How a job runs", a test a row.</summary>
[CancelAfter(60_000)]
public sealed class ModeTable
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_query_is_answered_with_its_rows(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1 as one, 'a' as letter", returnResult: true, cancellationToken);

        reply.AssertStatus(200);
        Assert.That(reply["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(reply["is_sync"], Is.EqualTo("True"));
        Assert.That(reply["row_count"], Is.EqualTo("1"));
        Assert.That(reply["truncated"], Is.EqualTo("False"));
        Assert.That(
            reply["result"],
            Is.EqualTo("""{"columns":[{"name":"one","type":"int4"},{"name":"letter","type":"text"}],"data":[[1,"a"]]}"""));
    }

    [Test]
    public async Task The_body_of_the_original_works_as_written(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table employees as select 1 as id, 'Ada' as name", cancellationToken);

        var reply = await _heimdall.PostJobAsync(
            """
            {"name":"run-pg-query","version":"0.0.1","command_criteria":["type:postgres"],"cluster_criteria":["data:local"],
             "context":{"query":"select * from employees limit 10;","return_result":true}}
            """,
            cancellationToken);

        reply.AssertStatus(200);
        Assert.That(reply.Json.GetProperty("result").GetProperty("data").ToString(), Is.EqualTo("""[[1,"Ada"]]"""));
    }

    [Test]
    public async Task A_query_that_may_be_answered_later_is_queued_and_its_rows_are_kept(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 7 as seven", returnResult: true, cancellationToken, prefer: "respond-async");

        reply.AssertStatus(202);
        Assert.That(reply.Header("Preference-Applied"), Is.EqualTo("respond-async"));
        Assert.That(reply["is_sync"], Is.EqualTo("False"));
        var job = await _heimdall.WaitForEndAsync(reply.Id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        var result = (await _heimdall.GetAsync($"/api/v1/job/{reply.Id}/result", cancellationToken)).AssertStatus(200);
        Assert.That(result["columns"], Is.EqualTo("""[{"name":"seven","type":"int4"}]"""));
        Assert.That(result["data"], Is.EqualTo("[[7]]"));
    }

    [TestCase("RUNNING", "RUNNING")]
    [TestCase("FAILED", "ended FAILED")]
    public async Task Rows_of_a_job_that_has_not_succeeded_are_no_result(string status, string why, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 7", returnResult: true, cancellationToken, prefer: "respond-async");
        await _heimdall.WaitForStatusAsync(reply.Id, "SUCCEEDED", cancellationToken);
        await _heimdall.Store.ExecuteAsync("update heimdall.job set status = $2 where id = $1", cancellationToken, reply.Id, status);

        var result = await _heimdall.GetAsync($"/api/v1/job/{reply.Id}/result", cancellationToken);

        await _heimdall.Store.ExecuteAsync("update heimdall.job set status = 'SUCCEEDED' where id = $1", cancellationToken, reply.Id);
        result.AssertProblem(404, why);
    }

    [TestCase("text/csv", 200)]
    [TestCase("image/png", 406)]
    [TestCase("application/*;q=0, text/csv;q=0, */*", 406)]
    [TestCase("application/json;q=0, */*", 200)]
    [TestCase("text/csv, application/*;q=0.5", 200)]
    [TestCase("*/*", 200)]
    [TestCase("application/json; charset=utf-8", 200)]
    [TestCase("text/csv; header=present; charset=utf-8", 200)]
    [TestCase("text/csv; header=absent", 200)]
    [TestCase("text/csv; header=maybe", 406)]
    [TestCase("text/csv; charset=latin1", 406)]
    public async Task A_result_is_served_to_those_who_take_a_format_of_ours(string accept, int status, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 7", returnResult: true, cancellationToken, prefer: "respond-async");
        await _heimdall.WaitForStatusAsync(reply.Id, "SUCCEEDED", cancellationToken);

        var result = await _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{reply.Id}/result", cancellationToken, headers: ("Accept", accept));

        result.AssertStatus(status);
    }

    [TestCase("text/csv", "text/csv; charset=utf-8", "seven\r\n7\r\n")]
    [TestCase("text/csv; header=present", "text/csv; charset=utf-8", "seven\r\n7\r\n")]
    [TestCase("text/csv; header=absent", "text/csv; charset=utf-8; header=absent", "7\r\n")]
    [TestCase("text/csv; q=0.5, text/csv; header=absent", "text/csv; charset=utf-8; header=absent", "7\r\n")]
    public async Task A_csv_has_the_header_that_was_asked_for(string accept, string contentType, string expected, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/job")
        {
            Content = new StringContent(
                """{"name": "csv", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"], "context": {"query": "select 7 as seven", "return_result": true}}""",
                System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.TryAddWithoutValidation("Accept", accept);

        using var response = await _heimdall.Client.SendAsync(request, cancellationToken);

        Assert.That(await response.Content.ReadAsStringAsync(cancellationToken), Is.EqualTo(expected));
        Assert.That(response.Content.Headers.ContentType?.ToString(), Is.EqualTo(contentType));
    }

    [Test]
    public async Task A_batch_is_queued(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1; select 2", returnResult: false, cancellationToken);

        reply.AssertStatus(202);
        Assert.That(reply.Header("Location"), Is.EqualTo($"/api/v1/job/{reply.Id}"));
        Assert.That(reply.Header("Retry-After"), Is.EqualTo("1"));
        Assert.That(reply["status"], Is.EqualTo("ACCEPTED"));
        var job = await _heimdall.GetAsync(reply.Header("Location")!, cancellationToken);
        Assert.That(job.Id, Is.EqualTo(reply.Id));
    }

    [Test]
    public async Task A_wait_that_is_long_enough_is_answered_with_the_end(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1; select 2", returnResult: false, cancellationToken, prefer: "wait=30");

        reply.AssertStatus(200);
        Assert.That(reply.Header("Preference-Applied"), Is.EqualTo("wait=30"));
        Assert.That(reply["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(reply["statements"], Is.EqualTo("2"));
    }

    [Test]
    public async Task A_wait_that_is_too_short_is_answered_with_where_the_job_stands(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select pg_sleep(60)", returnResult: false, cancellationToken, prefer: "wait=1");

        reply.AssertStatus(202);
        Assert.That(reply.Header("Location"), Is.EqualTo($"/api/v1/job/{reply.Id}"));
        Assert.That(reply.Header("Retry-After"), Is.EqualTo("1"));
        Assert.That(reply["status"], Is.EqualTo("ACCEPTED").Or.EqualTo("RUNNING"));
        await _heimdall.CancelAsync(reply.Id, cancellationToken);
    }

    [Test]
    public async Task A_query_that_ends_within_its_wait_is_answered_with_its_rows(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            "select 1 as one, 'a' as letter", returnResult: true, cancellationToken, prefer: "wait=30");

        reply.AssertStatus(200);
        Assert.That(reply.Header("Preference-Applied"), Is.EqualTo("wait=30"));
        Assert.That(reply.Header("Heimdall-Job-Id"), Is.EqualTo($"{reply.Id}"));
        Assert.That(reply["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(reply["is_sync"], Is.EqualTo("False"));
        Assert.That(reply["row_count"], Is.EqualTo("1"));
        Assert.That(
            reply["result"],
            Is.EqualTo("""{"columns":[{"name":"one","type":"int4"},{"name":"letter","type":"text"}],"data":[[1,"a"]]}"""));
        var again = await _heimdall.GetAsync($"/api/v1/job/{reply.Id}/result", cancellationToken);
        Assert.That(again.AssertStatus(200)["data"], Is.EqualTo("""[[1,"a"]]"""));
    }

    [Test]
    public async Task A_query_that_outlasts_its_wait_goes_on_and_its_rows_are_kept(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("wait", cancellationToken);
        // A function of its own sees what is committed meanwhile.
        await _heimdall.Target.ExecuteAsync(
            """
            create function wait_at_gate() returns int language plpgsql as $$ begin
                while exists (select from gate where name = 'wait') loop perform pg_sleep(0.02); end loop;
                return 7;
            end $$
            """,
            cancellationToken);
        var reply = await _heimdall.SubmitAsync(
            "select wait_at_gate()", returnResult: true, cancellationToken, prefer: "wait=1");

        reply.AssertStatus(202);
        Assert.That(reply.Header("Location"), Is.EqualTo($"/api/v1/job/{reply.Id}"));
        Assert.That(reply.Header("Retry-After"), Is.EqualTo("1"));
        (await _heimdall.GetAsync($"/api/v1/job/{reply.Id}/result", cancellationToken)).AssertProblem(404, "once it has ended");
        Assert.That((await _heimdall.JobAsync(reply.Id, cancellationToken)).Header("Retry-After"), Is.EqualTo("1"));
        await _heimdall.OpenGateAsync("wait", cancellationToken);
        await _heimdall.WaitForStatusAsync(reply.Id, "SUCCEEDED", cancellationToken);
        var result = await _heimdall.GetAsync($"/api/v1/job/{reply.Id}/result", cancellationToken);
        Assert.That(result.AssertStatus(200)["data"], Is.EqualTo("[[7]]"));
    }

    [TestCase("select pg_sleep(60)", true)]
    [TestCase("select pg_sleep(60)", false)]
    public async Task A_job_that_outlasts_its_wait_is_cancelled_if_the_caller_wants_that(
        string query, bool returnResult, CancellationToken cancellationToken)
    {
        var body = $$$"""
            {"name": "wait", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"], "on_wait_timeout": "cancel",
             "context": {"query": "{{{query}}}", "return_result": {{{(returnResult ? "true" : "false")}}}}}
            """;

        var reply = await _heimdall.PostJobAsync(body, cancellationToken, ("Prefer", "wait=1"));

        if (returnResult)
        {
            reply.AssertProblem(409, "Canceled by anonymous");
        }
        else
        {
            Assert.That(reply.AssertStatus(200)["status"], Is.EqualTo("CANCELED"));
        }
        Assert.That((await _heimdall.JobAsync(reply.Id, cancellationToken))["status"], Is.EqualTo("CANCELED"));
    }

    [TestCase("cancel", null, "on_wait_timeout: Goes only with the header 'Prefer: wait=N'.")]
    [TestCase("stop", "wait=1", "on_wait_timeout: Must be \"continue\" or \"cancel\".")]
    public async Task What_becomes_of_a_job_after_its_wait_is_a_word_beside_a_wait(
        string word, string? prefer, string why, CancellationToken cancellationToken)
    {
        var body = $$$"""
            {"name": "wait", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"], "on_wait_timeout": "{{{word}}}",
             "context": {"query": "select 1"}}
            """;

        var reply = await _heimdall.PostJobAsync(body, cancellationToken, prefer is null ? [] : [("Prefer", prefer)]);

        reply.AssertProblem(400, why);
    }

    [Test]
    public async Task A_query_that_fails_within_its_wait_is_answered_as_an_inline_one(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1/0", returnResult: true, cancellationToken, prefer: "wait=30");

        Assert.That(reply.AssertProblem(400, "division by zero")["sqlstate"], Is.EqualTo("22012"));
    }

    [Test]
    public async Task A_job_and_its_result_can_be_waited_for(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("poll", cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("poll"), cancellationToken);
        var job = _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{id}", cancellationToken, headers: ("Prefer", "wait=60"));
        var result = _heimdall.SendAsync(
            HttpMethod.Get, $"/api/v1/job/{id}/result", cancellationToken, headers: ("Prefer", "wait=60"));
        var early = await _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{id}", cancellationToken, headers: ("Prefer", "wait=1"));
        Assert.That(early["status"], Is.EqualTo("ACCEPTED").Or.EqualTo("RUNNING"));

        await _heimdall.OpenGateAsync("poll", cancellationToken);

        Assert.That((await job)["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That((await job).Header("Preference-Applied"), Is.EqualTo("wait=60"));
        Assert.That((await job).Header("Retry-After"), Is.Null);
        (await result).AssertStatus(200);
    }

    [Test]
    public async Task The_result_of_a_batch_is_a_message(CancellationToken cancellationToken)
    {
        var job = await _heimdall.SubmitAsync("select 1; select 2", returnResult: false, cancellationToken, prefer: "wait=30");

        var result = await _heimdall.GetAsync($"/api/v1/job/{job.AssertStatus(200).Id}/result", cancellationToken);

        Assert.That(result.AssertStatus(200)["data"], Is.EqualTo("""[["2 statements executed successfully"]]"""));
    }

    [Test]
    public async Task Times_are_utc_with_milliseconds(CancellationToken cancellationToken)
    {
        var job = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken);

        foreach (var time in new[] { "created_at", "started_at", "finished_at", "updated_at" })
        {
            Assert.That(job[time], Does.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"), time);
        }
    }
}
