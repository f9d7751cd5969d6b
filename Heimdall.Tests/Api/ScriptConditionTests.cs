using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Several callers who change the same script.</summary>
[CancelAfter(60_000)]
public sealed class ScriptConditionTests
{
    private const string First = "select 1";
    private const string FirstTag = "\"822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f\"";
    private const string OtherTag = "\"0000000000000000000000000000000000000000000000000000000000000000\"";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() =>
        _heimdall = await HeimdallInstance.StartAsync(config => config with { SqlUploads = "enabled: true" }, worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase(true, "If-Match", FirstTag, 200)]
    [TestCase(true, "If-Match", $"{OtherTag}, {FirstTag}", 200)]
    [TestCase(true, "If-Match", "*", 200)]
    [TestCase(true, "If-Match", OtherTag, 412)]
    [TestCase(true, "If-Match", $"W/{FirstTag}", 412)]
    [TestCase(false, "If-Match", FirstTag, 412)]
    [TestCase(false, "If-Match", "*", 412)]
    [TestCase(true, "If-None-Match", "*", 412)]
    [TestCase(true, "If-None-Match", FirstTag, 412)]
    [TestCase(true, "If-None-Match", OtherTag, 200)]
    [TestCase(false, "If-None-Match", "*", 201)]
    [TestCase(true, "If-Match", "no tag", 400)]
    [TestCase(true, "If-None-Match", "", 400)]
    public async Task A_script_is_put_only_where_it_is_as_the_caller_takes_it_to_be(
        bool isThere, string header, string value, int status, CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("condition.sql", First);
        if (!isThere)
        {
            File.Delete(Path.Combine(_heimdall.SqlDirectory, "condition.sql"));
        }

        var put = await PutAsync("condition.sql", "select 2", cancellationToken, (header, value));

        var read = await _heimdall.GetAsync("/api/v1/sql/condition.sql", cancellationToken);
        if (status < 400)
        {
            put.AssertStatus(status);
            Assert.That(read.Text, Is.EqualTo("select 2"));
        }
        else
        {
            put.AssertProblem(status, header);
            Assert.That(read.AssertStatus(isThere ? 200 : 404).Text, isThere ? Is.EqualTo(First) : Is.Not.Empty);
        }
    }

    [Test]
    public async Task A_script_is_deleted_only_where_it_is_as_the_caller_takes_it_to_be(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("delete.sql", First);

        var other = await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/sql/delete.sql", cancellationToken, content: null, ("If-Match", OtherTag));
        var same = await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/sql/delete.sql", cancellationToken, content: null, ("If-Match", FirstTag));

        other.AssertProblem(412, "If-Match");
        same.AssertStatus(204);
    }

    [TestCase("If-None-Match", "*", 201)]
    [TestCase("If-Match", FirstTag, 200)]
    public async Task Of_many_who_may_change_a_script_once_one_does(string header, string value, int status, CancellationToken cancellationToken)
    {
        const int Callers = 12;
        var name = $"once{status}.sql";
        if (status == 200)
        {
            _heimdall.WriteScript(name, First);
        }

        var replies = await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => PutAsync(name, Script(caller), cancellationToken, (header, value))));

        Assert.That(replies.Count(reply => (int)reply.Status == status), Is.EqualTo(1));
        Assert.That(replies.Count(reply => (int)reply.Status == 412), Is.EqualTo(Callers - 1));
        var read = await _heimdall.GetAsync($"/api/v1/sql/{name}", cancellationToken);
        Assert.That(HashOf(read.Text), Is.EqualTo(replies.Single(reply => (int)reply.Status == status)["sha256"]));
    }

    [Test]
    public async Task Scripts_that_are_put_at_once_are_never_mixed(CancellationToken cancellationToken)
    {
        const int Callers = 12;
        (await PutAsync("contested.sql", Script(0), cancellationToken)).AssertStatus(201);

        var puts = Enumerable.Range(0, Callers).Select(caller => PutAsync("contested.sql", Script(caller), cancellationToken)).ToArray();
        var reads = await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => _heimdall.GetAsync("/api/v1/sql/contested.sql", cancellationToken)));
        var replies = await Task.WhenAll(puts);

        Assert.That(replies.Select(reply => (int)reply.Status), Is.All.EqualTo(200));
        var whole = Enumerable.Range(0, Callers).Select(Script).ToHashSet();
        Assert.That(reads.Select(read => read.Text), Is.All.Matches<string>(text => whole.Contains(text!)));
        Assert.That(reads.Select(read => read.Header("ETag")), Is.EqualTo(reads.Select(read => $"\"{HashOf(read.Text)}\"")));
        Assert.That(whole, Does.Contain((await _heimdall.GetAsync("/api/v1/sql/contested.sql", cancellationToken)).Text));
        Assert.That(Directory.GetFiles(_heimdall.SqlDirectory, "*.draft"), Is.Empty);
    }

    [TestCase("file-first.sql", "file-first.sql/one.sql")]
    [TestCase("directory-first.sql/one.sql", "directory-first.sql")]
    public async Task A_script_that_another_one_forestalls_is_refused(string name, string other, CancellationToken cancellationToken)
    {
        var script = new Pipe();
        var put = _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/sql/{name}", cancellationToken, new StreamContent(script.Reader.AsStream()));
        await script.Writer.WriteAsync(new byte[20_000], cancellationToken); // more than the client keeps back
        await Eventually.Is(() => Task.FromResult(Directory.GetFiles(_heimdall.SqlDirectory, "*.draft").Length > 0), cancellationToken);

        var forestalling = await PutAsync(other, "select 2", cancellationToken);
        await script.Writer.CompleteAsync();

        forestalling.AssertStatus(201);
        (await put).AssertProblem(409, name, "neither a script nor a directory");
    }

    private Task<Reply> PutAsync(string name, string sql, CancellationToken cancellationToken, params (string, string)[] headers) =>
        _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/sql/{name}", cancellationToken, new StringContent(sql), headers);

    /// <summary>Longer than what is written in one piece, and each of another length.</summary>
    private static string Script(int caller) => new((char)('a' + caller), 150_000 + (caller * 1000));

    private static string HashOf(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
}
