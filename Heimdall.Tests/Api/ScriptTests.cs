using System.Security.Cryptography;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Scripts over REST: put, run, read, listed and deleted.</summary>
[CancelAfter(60_000)]
public sealed class ScriptTests
{
    private const int MaxBytes = 100_000;

    private HeimdallInstance _heimdall = null!;

    // Jobs get a smaller limit than scripts.
    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with { Server = "max_body_bytes: 2000", SqlUploads = $"enabled: true, max_bytes: {MaxBytes}" });

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_job_runs_the_script_that_was_put_there(CancellationToken cancellationToken)
    {
        const string Sql = "create table put_there (name text);\ninsert into put_there values ('Røros-never-logged');\n";

        var put = (await PutAsync("towns/new one.sql", Sql, cancellationToken)).AssertStatus(201);
        var id = await _heimdall.EnqueueAsync("towns/new one.sql", cancellationToken);
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(put["path"], Is.EqualTo("towns/new one.sql"));
        Assert.That(put["bytes"], Is.EqualTo($"{Encoding.UTF8.GetByteCount(Sql)}"));
        Assert.That(put["sha256"], Is.EqualTo(HashOf(Sql)));
        Assert.That(put.Header("Location"), Is.EqualTo("/api/v1/sql/towns/new%20one.sql"));
        Assert.That(put.Header("ETag"), Is.EqualTo($"\"{HashOf(Sql)}\""));
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(job["sha256"], Is.EqualTo(put["sha256"]));
        Assert.That(await _heimdall.Target.ScalarAsync<string>("select name from put_there", cancellationToken), Is.EqualTo("Røros-never-logged"));
        Assert.That(_heimdall.Logs, Has.None.Contains("never-logged"));
    }

    [Test]
    public async Task A_script_is_replaced_as_a_whole(CancellationToken cancellationToken)
    {
        (await PutAsync("replaced.sql", "select 'a long first version'", cancellationToken)).AssertStatus(201);

        var second = (await PutAsync("replaced.sql", "select 2", cancellationToken)).AssertStatus(200);
        var read = await _heimdall.GetAsync("/api/v1/sql/replaced.sql", cancellationToken);

        Assert.That(second["sha256"], Is.EqualTo(HashOf("select 2")));
        Assert.That(second.Header("Location"), Is.Null);
        Assert.That(read.AssertStatus(200).Text, Is.EqualTo("select 2"));
        Assert.That(read.ContentType, Is.EqualTo("application/sql"));
        Assert.That(read.Header("ETag"), Is.EqualTo($"\"{HashOf("select 2")}\""));
    }

    [Test]
    public async Task What_a_client_has_already_is_not_sent_again(CancellationToken cancellationToken)
    {
        var put = (await PutAsync("cached.sql", "select 1", cancellationToken)).AssertStatus(201);

        var same = await _heimdall.SendAsync(HttpMethod.Get, "/api/v1/sql/cached.sql", cancellationToken, content: null, ("If-None-Match", put.Header("ETag")!));
        var other = await _heimdall.SendAsync(HttpMethod.Get, "/api/v1/sql/cached.sql", cancellationToken, content: null, ("If-None-Match", "\"other\""));

        Assert.That(same.AssertStatus(304).Text, Is.Empty);
        Assert.That(other.AssertStatus(200).Text, Is.EqualTo("select 1"));
    }

    [TestCase("application/json")]
    [TestCase("text/plain")]
    [TestCase("multipart/form-data; boundary=x")]
    [TestCase(null)]
    public async Task The_type_of_the_body_does_not_matter(string? type, CancellationToken cancellationToken)
    {
        var content = new ByteArrayContent("select 1"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", type);

        var put = await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/sql/typed.sql", cancellationToken, content);

        Assert.That(put["sha256"], Is.EqualTo(HashOf("select 1")), put.Text);
    }

    [TestCase("Content-Encoding", "gzip")]
    [TestCase("Content-Range", "bytes 0-7/100")]
    public async Task What_is_not_the_script_as_it_is_is_refused(string header, string value, CancellationToken cancellationToken)
    {
        var content = new ByteArrayContent("select 1"u8.ToArray());
        content.Headers.TryAddWithoutValidation(header, value);

        var put = await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/sql/encoded.sql", cancellationToken, content);

        put.AssertProblem(400, header);
        AssertAbsent("encoded.sql");
    }

    [Test]
    public async Task A_script_must_have_something_in_it(CancellationToken cancellationToken)
    {
        (await PutAsync("empty.sql", "", cancellationToken)).AssertProblem(400, "body", "empty");

        AssertAbsent("empty.sql");
    }

    [Test]
    public async Task A_script_has_a_limit_of_its_own([Values] bool tellsItsLength, CancellationToken cancellationToken)
    {
        var name = $"large{tellsItsLength}.sql";
        var largest = new string('-', MaxBytes);

        var put = await PutAsync(name, largest, cancellationToken, tellsItsLength);
        var larger = await PutAsync(name, largest + "-", cancellationToken, tellsItsLength);
        var far = await PutAsync($"far/{name}", new string('-', 40 * MaxBytes), cancellationToken, tellsItsLength);

        Assert.That(put.AssertStatus(201)["bytes"], Is.EqualTo($"{MaxBytes}"));
        larger.AssertProblem(413, "sql_uploads.max_bytes", $"{MaxBytes}");
        far.AssertProblem(413, "sql_uploads.max_bytes");
        Assert.That((await _heimdall.GetAsync($"/api/v1/sql/{name}", cancellationToken)).Text, Has.Length.EqualTo(MaxBytes));
        AssertAbsent("far");
        Assert.That(Drafts(), Is.Empty);
        (await _heimdall.PostJobAsync($$"""{"description": "{{new string('x', 2000)}}"}""", cancellationToken)).AssertProblem(413, "server.max_body_bytes");
    }

    [TestCase("Content-Length: 90000\r\n\r\n")]
    [TestCase("Transfer-Encoding: chunked\r\n\r\n15f90\r\n")]
    public async Task A_body_that_breaks_off_leaves_nothing_behind(string framing, CancellationToken cancellationToken)
    {
        using (await RawRequest.BeginAsync(
            _heimdall.Address,
            $"PUT /api/v1/sql/broken/off.sql HTTP/1.1\r\nHost: {_heimdall.Address.Authority}\r\n{framing}{new string('-', 80_000)}",
            cancellationToken))
        {
            await Eventually.Is(() => Task.FromResult(Drafts().Any(draft => new FileInfo(draft).Length > 0)), cancellationToken);
        }

        await Eventually.Is(() => Task.FromResult(Drafts().Length == 0), cancellationToken);
        AssertAbsent("broken");
        (await _heimdall.GetAsync("/api/v1/sql/broken/off.sql", cancellationToken)).AssertProblem(404, "broken/off.sql");
    }

    [Test]
    public async Task A_deleted_script_is_gone(CancellationToken cancellationToken)
    {
        (await PutAsync("deleted.sql", "select 1", cancellationToken)).AssertStatus(201);

        var deleted = await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/sql/deleted.sql", cancellationToken);

        Assert.That(deleted.AssertStatus(204).Text, Is.Empty);
        (await _heimdall.GetAsync("/api/v1/sql/deleted.sql", cancellationToken)).AssertProblem(404, "deleted.sql");
        (await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/sql/deleted.sql", cancellationToken)).AssertProblem(404, "deleted.sql");
        (await _heimdall.SubmitAsync("deleted.sql", returnResult: false, cancellationToken)).AssertProblem(400, "deleted.sql");
    }

    [Test]
    public async Task The_list_shows_what_jobs_can_run_page_by_page(CancellationToken cancellationToken)
    {
        foreach (var name in new[] { "c.sql", "a.sql", "b/d.sql" })
        {
            (await PutAsync($"list/{name}", "select 1", cancellationToken)).AssertStatus(201);
        }
        foreach (var (name, text) in new[] { ("notes.txt", "no"), ("empty.sql", ""), (".heimdall-0.draft", "no"), ("quo'te.sql", "no"), ("b/e.sql", "by hand") })
        {
            await File.WriteAllTextAsync(Path.Combine(_heimdall.SqlDirectory, "list", name), text, cancellationToken);
        }
        File.CreateSymbolicLink(Path.Combine(_heimdall.SqlDirectory, "list", "outside.sql"), _heimdall.ConfigFile);
        Directory.CreateSymbolicLink(Path.Combine(_heimdall.SqlDirectory, "list", "circle"), Path.Combine(_heimdall.SqlDirectory, "list"));

        var first = (await _heimdall.GetAsync("/api/v1/sql?prefix=list/&limit=3", cancellationToken)).AssertStatus(200);
        var second = (await _heimdall.GetAsync($"/api/v1/sql?prefix=list/&limit=3&after={first["next_after"]}", cancellationToken)).AssertStatus(200);

        Assert.That(Paths(first), Is.EqualTo(new[] { "list/a.sql", "list/b/d.sql", "list/b/e.sql" }));
        Assert.That(first["has_more"], Is.EqualTo("True"));
        Assert.That(Paths(second), Is.EqualTo(new[] { "list/c.sql", "list/empty.sql" }));
        Assert.That(second["has_more"], Is.EqualTo("False"));
        Assert.That(second["next_after"], Is.Null);
        var entry = first.Json.GetProperty("data")[0];
        Assert.That(entry.EnumerateObject().Select(field => field.Name), Is.EqualTo(new[] { "path", "bytes", "modified_at", "owner" }));
        Assert.That(entry.GetProperty("owner").GetString(), Is.EqualTo("anonymous"));
        Assert.That(entry.GetProperty("bytes").GetInt64(), Is.EqualTo(8));
        Assert.That(entry.GetProperty("modified_at").GetDateTimeOffset(), Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(2)));
    }

    [TestCase("limit=0", "limit")]
    [TestCase("limit=201", "limit")]
    [TestCase("limit=many", "limit")]
    [TestCase("limit=", "limit")]
    [TestCase("order_by=path", "order_by")]
    [TestCase("prefix=a&prefix=b", "prefix")]
    public async Task A_list_that_cannot_be_meant_is_refused(string query, string field, CancellationToken cancellationToken)
    {
        (await _heimdall.GetAsync($"/api/v1/sql?{query}", cancellationToken)).AssertProblem(400, field);
    }

    private Task<Reply> PutAsync(string path, string sql, CancellationToken cancellationToken, bool tellsItsLength = true)
    {
        // What is refused by its length alone is not read: a client that sent it all the same could lose the answer with its connection.
        (string, string)[] headers = [("Expect", "100-continue"), .. tellsItsLength ? [] : new[] { ("Transfer-Encoding", "chunked") }];
        return _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/sql/{path}", cancellationToken, new StringContent(sql), headers);
    }

    private string[] Drafts() => Directory.GetFiles(_heimdall.SqlDirectory, "*.draft", SearchOption.TopDirectoryOnly);

    private void AssertAbsent(string name) => Assert.That(
        Directory.EnumerateFileSystemEntries(_heimdall.SqlDirectory).Select(Path.GetFileName), Does.Not.Contain(name));

    private static string[] Paths(Reply list) => [.. list.Json.GetProperty("data").EnumerateArray().Select(script => script.GetProperty("path").GetString()!)];

    private static string HashOf(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
}
