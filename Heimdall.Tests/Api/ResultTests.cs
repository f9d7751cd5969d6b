using System.Net;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Reading stored results: whole, by pages, and what is told of them.</summary>
[CancelAfter(60_000)]
public sealed class ResultTests
{
    private const int Rows = 20_000; // some chunks
    private const string Numbers = "select n, repeat('x', 100) as x from generate_series(0, 19999) as n";

    private HeimdallInstance _heimdall = null!;
    private Guid _id;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        _id = await StoreAsync(Numbers, CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("", 0, Rows, null)]
    [TestCase("?limit=3", 0, 3, "?offset=3&limit=3")]
    [TestCase("?offset=7&limit=2", 7, 2, "?offset=9&limit=2")]
    [TestCase("?offset=19990", 19990, 10, null)]
    [TestCase("?offset=19990&limit=10", 19990, 10, null)]
    [TestCase("?offset=19990&limit=9223372036854775807", 19990, 10, null)]
    [TestCase("?offset=20000", 20000, 0, null)]
    [TestCase("?offset=9223372036854775807&limit=5", 0, 0, null)]
    public async Task A_page_says_what_it_is(string query, int first, int count, string? next, CancellationToken cancellationToken)
    {
        var page = (await _heimdall.GetAsync($"/api/v1/job/{_id}/result{query}", cancellationToken)).AssertStatus(200);
        var lines = await ReadAsync(_id, query, "application/x-ndjson", cancellationToken);
        var csv = await ReadAsync(_id, query, "text/csv", cancellationToken);

        var numbers = page.Json.GetProperty("data").EnumerateArray().Select(row => row[0].GetInt32()).ToArray();
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(first, count)));
        Assert.That(page["row_count"], Is.EqualTo($"{count}"));
        Assert.That(page["total_rows"], Is.EqualTo($"{Rows}"));
        Assert.That(page["truncated"], Is.EqualTo("False"));
        Assert.That(page["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(page.Header("Link"), Is.EqualTo(next is null ? null : $"</api/v1/job/{_id}/result{next}>; rel=\"next\""));
        Assert.That(page.Header("Heimdall-Row-Count"), Is.EqualTo($"{count}"));
        Assert.That(page.Header("Heimdall-Total-Rows"), Is.EqualTo($"{Rows}"));
        Assert.That(lines.Split('\n'), Has.Length.EqualTo(count + 3));
        Assert.That(lines, Does.Contain($"\"total_rows\":{Rows},\"row_count\":{count},\"truncated\":false,\"status\":\"SUCCEEDED\"}}\n"));
        Assert.That(csv.Split("\r\n"), Has.Length.EqualTo(count + 2));
        Assert.That(csv, Does.Not.Contain("heimdall"));
    }

    [TestCase("?first=1", "first", "Known are: offset, limit")]
    [TestCase("?offset=-1", "offset", "0 or more")]
    [TestCase("?offset=", "offset", "0 or more")]
    [TestCase("?offset=1.5", "offset", "0 or more")]
    [TestCase("?offset=9223372036854775808", "offset", "0 or more")]
    [TestCase("?limit=0", "limit", "1 or more")]
    [TestCase("?limit=1&limit=2", "limit", "more than once")]
    public async Task A_page_that_is_none_is_refused(string query, string parameter, string why, CancellationToken cancellationToken)
    {
        var get = await _heimdall.GetAsync($"/api/v1/job/{_id}/result{query}", cancellationToken);
        var head = await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{_id}/result{query}", cancellationToken);

        get.AssertProblem(400, parameter, why);
        head.AssertStatus(400);
    }

    [TestCase("", "application/json")]
    [TestCase("?offset=5&limit=10", "text/csv")]
    [TestCase("?offset=19995&limit=10", "application/x-ndjson")]
    public async Task Head_tells_what_get_would(string query, string accept, CancellationToken cancellationToken)
    {
        var get = await _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{_id}/result{query}", cancellationToken, headers: ("Accept", accept));
        var head = await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{_id}/result{query}", cancellationToken, headers: ("Accept", accept));

        Assert.That(head.AssertStatus(200).Text, Is.Empty);
        Assert.That(head.ContentType, Is.EqualTo(accept));
        foreach (var name in new[] { "Heimdall-Job-Id", "Heimdall-Row-Count", "Heimdall-Total-Rows", "Heimdall-Truncated", "Heimdall-Expires-At", "ETag" })
        {
            Assert.That(head.Header(name), Is.Not.Null.And.EqualTo(get.Header(name)), name);
        }
        Assert.That(head.Header("Link"), Is.EqualTo(get.Header("Link")));
        Assert.That(head.Header("Heimdall-Expires-At"), Does.Match(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"));
    }

    [Test]
    public async Task Head_refuses_what_get_refuses(CancellationToken cancellationToken)
    {
        var unknown = await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{Guid.CreateVersion7()}/result", cancellationToken);
        var upper = await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{_id}/RESULT", cancellationToken);
        var image = await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{_id}/result", cancellationToken, headers: ("Accept", "image/png"));

        Assert.That(unknown.AssertStatus(404).Text, Is.Empty);
        upper.AssertStatus(404);
        image.AssertStatus(406);
    }

    [Test]
    public async Task Who_has_a_result_need_not_get_it_again(CancellationToken cancellationToken)
    {
        var path = $"/api/v1/job/{_id}/result?limit=1";
        var tag = (await _heimdall.GetAsync(path, cancellationToken)).Header("ETag")!;

        var known = await _heimdall.SendAsync(HttpMethod.Get, path, cancellationToken, headers: ("If-None-Match", tag));
        var other = await _heimdall.SendAsync(HttpMethod.Get, path, cancellationToken, headers: ("If-None-Match", "W/\"other\""));
        var csv = await _heimdall.SendAsync(HttpMethod.Get, path, cancellationToken, headers: [("If-None-Match", tag), ("Accept", "text/csv")]);

        Assert.That(known.Status, Is.EqualTo(HttpStatusCode.NotModified));
        Assert.That(known.Header("ETag"), Is.EqualTo(tag));
        other.AssertStatus(200);
        csv.AssertStatus(200);
    }

    [Test]
    public async Task Only_the_end_of_a_cut_result_says_so(CancellationToken cancellationToken)
    {
        var id = await StoreAsync("select n from generate_series(1, 100) as n", cancellationToken, new { row_limit = 10 });

        var whole = await ReadAsync(id, "", "text/csv", cancellationToken);
        var page = await ReadAsync(id, "?limit=4", "text/csv", cancellationToken);
        var last = await ReadAsync(id, "?offset=8&limit=4", "text/csv", cancellationToken);
        var json = await _heimdall.GetAsync($"/api/v1/job/{id}/result?limit=4", cancellationToken);
        var head = await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{id}/result", cancellationToken);

        Assert.That(whole, Does.EndWith("\r\n10\r\n\"heimdall: TRUNCATED by a limit after 10 rows\r\n"));
        Assert.That(page, Is.EqualTo("n\r\n1\r\n2\r\n3\r\n4\r\n"));
        Assert.That(last, Is.EqualTo("n\r\n9\r\n10\r\n\"heimdall: TRUNCATED by a limit after 10 rows\r\n"));
        Assert.That(json["truncated"], Is.EqualTo("False"));
        Assert.That(head.Header("Heimdall-Truncated"), Is.EqualTo("true"));
    }

    [Test]
    public async Task A_result_that_breaks_off_after_the_first_rows_ends_as_broken_in_every_format(CancellationToken cancellationToken)
    {
        var id = await StoreAsync(Numbers, cancellationToken);
        await _heimdall.Store.ExecuteAsync("delete from heimdall.job_result_chunk where job_id = $1 and first_row > 5000", cancellationToken, id);

        var json = await _heimdall.GetAsync($"/api/v1/job/{id}/result", cancellationToken);
        var lines = await ReadAsync(id, "", "application/x-ndjson", cancellationToken);

        Assert.That(json["status"], Is.EqualTo("FAILED"));
        Assert.That(json["error"], Does.Contain("cannot be read"));
        Assert.That(json.Json.GetProperty("data").GetArrayLength(), Is.GreaterThan(1000).And.LessThan(Rows));
        Assert.That(lines.TrimEnd().Split('\n')[^1], Does.Contain("\"status\":\"FAILED\",\"error\":"));
        Assert.That(async () => await ReadAsync(id, "", "text/csv", cancellationToken), Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<IOException>());
    }

    [Test]
    public async Task A_result_that_cannot_be_read_at_all_is_a_problem(CancellationToken cancellationToken)
    {
        var id = await StoreAsync("select 1", cancellationToken);
        await _heimdall.Store.ExecuteAsync("delete from heimdall.job_result_chunk where job_id = $1", cancellationToken, id);

        var reply = await _heimdall.GetAsync($"/api/v1/job/{id}/result", cancellationToken);

        reply.AssertProblem(500, "missing or damaged");
        Assert.That(reply.Header("ETag"), Is.Null);
    }

    [Test]
    public async Task What_an_earlier_build_has_stored_is_gone(CancellationToken cancellationToken)
    {
        var id = await StoreAsync("select 1", cancellationToken);
        await _heimdall.Store.ExecuteAsync("update heimdall.job_result set dropped = true, expires_at = now() where job_id = $1", cancellationToken, id);

        (await _heimdall.GetAsync($"/api/v1/job/{id}/result", cancellationToken)).AssertProblem(410, "was kept until");
        (await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{id}/result", cancellationToken)).AssertStatus(410);
    }

    [Test]
    public async Task A_result_that_expires_while_it_is_asked_for_is_gone(CancellationToken cancellationToken)
    {
        var id = await StoreAsync("select 1", cancellationToken);
        await using var store = new NpgsqlConnection(_heimdall.Store.ConnectionString);
        await store.OpenAsync(cancellationToken);
        await using var transaction = await store.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync("lock table heimdall.job_result_chunk in access exclusive mode");
        var asked = _heimdall.GetAsync($"/api/v1/job/{id}/result", cancellationToken);
        await Eventually.Is(() => _heimdall.Store.ScalarAsync<bool>(
            "select exists (select from pg_locks where relation = 'heimdall.job_result_chunk'::regclass and not granted)", cancellationToken), cancellationToken);

        await ExecuteAsync($"update heimdall.job_result set dropped = true, expires_at = now() where job_id = '{id}'; delete from heimdall.job_result_chunk where job_id = '{id}'");
        await transaction.CommitAsync(cancellationToken);

        var reply = (await asked).AssertProblem(410, "was kept until");
        Assert.That(reply.Header("ETag"), Is.Null);

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, store, transaction);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task<Guid> StoreAsync(string query, CancellationToken cancellationToken, object? more = null)
    {
        var job = (await _heimdall.SubmitAsync(query, returnResult: true, cancellationToken, prefer: "respond-async, wait=30", more: more)).AssertStatus(200);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        return job.Id;
    }

    private async Task<string> ReadAsync(Guid id, string query, string accept, CancellationToken cancellationToken) =>
        (await _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{id}/result{query}", cancellationToken, headers: ("Accept", accept))).AssertStatus(200).Text;
}
