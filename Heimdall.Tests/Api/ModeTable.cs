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
    [TestCase("application/json;q=0, application/x-ndjson;q=0, text/csv;q=0, */*", 406)]
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
