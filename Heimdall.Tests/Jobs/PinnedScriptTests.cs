using System.Security.Cryptography;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>A job that says what its script must be runs that script or none.</summary>
[CancelAfter(120_000)]
public sealed class PinnedScriptTests
{
    private const string Right = "insert into effect values (1);\n";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.Target.ExecuteAsync("create table effect (n int)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("single")]
    [TestCase("none")]
    public async Task A_script_that_was_changed_is_not_run(string transaction, CancellationToken cancellationToken)
    {
        var script = $"pinned-{transaction}.sql";
        _heimdall.WriteScript(script, Right);
        var pin = HashOf(Right);
        var good = await EnqueueAsync(script, pin.ToUpperInvariant(), transaction, cancellationToken);
        Assert.That((await _heimdall.WaitForEndAsync(good, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        var before = await CountAsync(cancellationToken);
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/queue/pause", cancellationToken)).AssertStatus(200);
        var waiting = await EnqueueAsync(script, pin, transaction, cancellationToken);

        const string Changed = "insert into effect values (2);\n";
        _heimdall.WriteScript(script, Changed);
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/queue/resume", cancellationToken)).AssertStatus(200);

        var job = await _heimdall.WaitForEndAsync(waiting, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"));
        Assert.That(job["error"], Does.Contain(HashOf(Changed)).And.Contain("Nothing of it was run"));
        Assert.That(await CountAsync(cancellationToken), Is.EqualTo(before));
        foreach (var head in (string[])["", "\"dry_run\": true,"])
        {
            var refused = await _heimdall.PostJobAsync(
                Job(script, pin, $"\"transaction\": \"{transaction}\"", head), cancellationToken);
            Assert.That(refused.AssertStatus(400).Text, Does.Contain("sha256").And.Contain(HashOf(Changed)));
        }
    }

    [TestCase("single")]
    [TestCase("none")]
    public async Task What_is_written_into_the_file_while_it_runs_changes_nothing(
        string transaction, CancellationToken cancellationToken)
    {
        var gate = $"pinned-{transaction}";
        var script = $"{HeimdallInstance.WaitAt(gate)};\ninsert into effect values (4);\n{new string(' ', 1_000_000)}\ninsert into effect values (4);\n";
        _heimdall.WriteScript("in-place.sql", script);
        await _heimdall.CloseGateAsync(gate, cancellationToken);
        var id = await EnqueueAsync("in-place.sql", HashOf(script), transaction, cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        await using (var file = new FileStream(
            Path.Combine(_heimdall.SqlDirectory, "in-place.sql"), FileMode.Open, FileAccess.Write))
        {
            await file.WriteAsync(
                Encoding.UTF8.GetBytes(script.Replace("(4)", "(5)", StringComparison.Ordinal)), cancellationToken);
        }
        await _heimdall.OpenGateAsync(gate, cancellationToken);

        Assert.That((await _heimdall.WaitForEndAsync(id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select n from effect where n in (4, 5)", cancellationToken),
            Is.All.EqualTo(4));
        await _heimdall.Target.ExecuteAsync("delete from effect where n = 4", cancellationToken);
    }

    [Test]
    public async Task A_query_s_script_is_judged_when_it_is_submitted(CancellationToken cancellationToken)
    {
        const string Query = "select 7 as n;\n";
        _heimdall.WriteScript("pinned-query.sql", Query);

        var rows = await _heimdall.PostJobAsync(
            Job("pinned-query.sql", HashOf(Query), "\"return_result\": true"), cancellationToken);
        var refused = await _heimdall.PostJobAsync(
            Job("pinned-query.sql", HashOf(Right), "\"return_result\": true"), cancellationToken);

        Assert.That(rows.AssertStatus(200).Text, Does.Contain("[[7]]"));
        Assert.That(refused.AssertStatus(400).Text, Does.Contain("context.sha256").And.Contain(HashOf(Query)));
    }

    [TestCase(@"\i other.sql")]
    [TestCase(@"\ir other.sql")]
    [TestCase(@"\copy effect from 'other.csv'")]
    public async Task A_pinned_script_reads_no_other_file(string line, CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("other.sql", "insert into effect values (3);\n");
        _heimdall.WriteScript("other.csv", "3\n");
        var script = Right + line + "\n";
        _heimdall.WriteScript("pinned-includes.sql", script);
        var before = await CountAsync(cancellationToken);

        var id = await EnqueueAsync("pinned-includes.sql", HashOf(script), "none", cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"));
        Assert.That(job["error"], Does.Contain("sha256"));
        Assert.That(await CountAsync(cancellationToken), Is.EqualTo(before), "found before anything ran");
    }

    [TestCase("select 1", "0000000000000000000000000000000000000000000000000000000000000000", "only with the path")]
    [TestCase("a.sql", "abc", "64 hexadecimal digits")]
    [TestCase("a.sql", "zz00000000000000000000000000000000000000000000000000000000000000", "64 hexadecimal digits")]
    public async Task What_is_no_pin_is_refused(
        string query, string sha256, string said, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(Job(query, sha256, "\"return_result\": false"), cancellationToken);

        Assert.That(reply.AssertStatus(400).Text, Does.Contain("context.sha256").And.Contain(said));
    }

    private async Task<Guid> EnqueueAsync(
        string script, string sha256, string transaction, CancellationToken cancellationToken) =>
        (await _heimdall.PostJobAsync(Job(script, sha256, $"\"transaction\": \"{transaction}\""), cancellationToken))
            .AssertStatus(202).Id;

    private Task<long> CountAsync(CancellationToken cancellationToken) =>
        _heimdall.Target.ScalarAsync<long>("select count(*) from effect", cancellationToken);

    private static string Job(string query, string sha256, string more, string head = "") => $$"""
        { {{head}} "name": "pinned", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
         "context": {"query": "{{query}}", "sha256": "{{sha256}}", {{more}}} }
        """;

    private static string HashOf(string script) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(script)));
}
