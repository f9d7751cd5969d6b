using System.Security.Cryptography;
using System.Text;
using Heimdall.Client;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary>Scripts by way of Heimdall.Client.</summary>
[CancelAfter(120_000)]
public sealed class ClientScriptTests
{
    private HeimdallInstance _heimdall = null!;
    private HeimdallClient _client = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with { SqlUploads = "enabled: true, max_bytes: 3000000" });
        _client = Connect();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _client.Dispose();
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task A_script_is_put_run_read_listed_and_deleted(CancellationToken cancellationToken)
    {
        const string Sql = "select 'Røros';\n";

        var put = await _client.PutScriptAsync(
            "towns/new one.sql", StreamOf(Sql), cancellationToken: cancellationToken);
        var job = await _client.RunAsync(
            new HeimdallSubmission { Query = put.Path, Sha256 = put.Sha256, ClusterCriteria = ["data:local"] },
            cancellationToken: cancellationToken);
        var (text, tag) = await ReadAsync("towns/new one.sql", cancellationToken);
        var listed = await _client.ListScriptsAsync("towns/", cancellationToken).SingleAsync(cancellationToken);
        await _client.DeleteScriptAsync("towns/new one.sql", tag, cancellationToken);

        Assert.That((put.Sha256, put.ETag), Is.EqualTo((HashOf(Sql), $"\"{HashOf(Sql)}\"")));
        Assert.That((job.Status, job.Text("sha256")), Is.EqualTo(("SUCCEEDED", HashOf(Sql))), job.ToString());
        Assert.That((text, tag), Is.EqualTo((Sql, put.ETag)));
        Assert.That((listed.Path, listed.Bytes, listed.Owner), Is.EqualTo((put.Path, put.Bytes, "anonymous")));
        Assert.That(await _client.ListScriptsAsync("towns/", cancellationToken).CountAsync(cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_list_runs_over_its_pages(CancellationToken cancellationToken)
    {
        for (var i = 0; i < 201; i++)
        {
            _heimdall.WriteScript($"paged/{i:000}.sql", "select 1");
        }

        var paths = await _client.ListScriptsAsync("paged/", cancellationToken)
            .Select(script => script.Path).ToArrayAsync(cancellationToken);

        Assert.That(paths, Is.EqualTo(Enumerable.Range(0, 201).Select(i => $"paged/{i:000}.sql")));
    }

    [Test]
    public async Task A_change_with_a_condition_is_made_only_where_it_holds(CancellationToken cancellationToken)
    {
        var first = await PutAsync("select 1");
        var second = await PutAsync("select 2", ifMatch: first.ETag);

        var stale = await Assert.ThrowsAsync<HeimdallException>(() => PutAsync("select 3", ifMatch: first.ETag));
        var notNew = await Assert.ThrowsAsync<HeimdallException>(() => PutAsync("select 3", onlyNew: true));
        var notDeleted = await Assert.ThrowsAsync<HeimdallException>(
            () => _client.DeleteScriptAsync("condition.sql", first.ETag, cancellationToken));

        Assert.That(new[] { stale.Type, notNew.Type, notDeleted.Type }, Is.All.EqualTo("precondition-failed"));
        Assert.That(
            await ReadAsync("condition.sql", cancellationToken), Is.EqualTo(("select 2", second.ETag)));

        Task<HeimdallScript> PutAsync(string sql, string? ifMatch = null, bool onlyNew = false) =>
            _client.PutScriptAsync("condition.sql", StreamOf(sql), ifMatch, onlyNew, cancellationToken);
    }

    [TestCase(false, 2)]
    [TestCase(true, 1)]
    public async Task A_script_whose_answer_is_lost_is_sent_again_from_its_beginning_unless_a_condition_was_met(
        bool isConditional, int sent, CancellationToken cancellationToken)
    {
        var path = $"lost-{isConditional}.sql";
        var sql = $"select 1; -- {new string('x', 100_000)}";
        using var way = new FaultyWay
        {
            After = (request, response, number) =>
            {
                Assert.That(request.Content!.Headers.ContentEncoding, Is.EqualTo(new[] { "gzip" }));
                return number > 1 ? Task.CompletedTask : throw new HttpRequestException(HttpRequestError.ResponseEnded);
            },
        };
        using var client = Connect(way);
        var put = client.PutScriptAsync(
            path, StreamOf(sql), onlyNew: isConditional, cancellationToken: cancellationToken);

        if (isConditional)
        {
            var failure = await Assert.ThrowsAsync<HeimdallException>(() => put);
            Assert.That(failure.MayHaveTakenEffect, Is.True);
        }
        else
        {
            Assert.That((await put).Sha256, Is.EqualTo(HashOf(sql)));
        }
        Assert.That(way.Sent, Is.EqualTo(sent));
        Assert.That((await ReadAsync(path, cancellationToken)).Text, Is.EqualTo(sql));
    }

    [Test]
    public async Task A_script_above_the_limit_is_refused_with_the_reason(CancellationToken cancellationToken)
    {
        var failure = await Assert.ThrowsAsync<HeimdallException>(() => _client.PutScriptAsync(
            "large.sql", StreamOf(new string(' ', 3_000_001)), cancellationToken: cancellationToken));

        Assert.That((failure.Status, failure.Type), Is.EqualTo((413, "too-large")), failure.Message);
        Assert.That(failure.Message, Does.Contain("sql_uploads.max_bytes"));
    }

    [TestCase("../job")]
    [TestCase("a/./b.sql")]
    [TestCase("a//b.sql")]
    [TestCase("")]
    public void What_is_no_path_of_a_script_goes_to_no_other_address(string path)
    {
        using var way = new FaultyWay();
        using var client = Connect(way);

        Assert.That(
            () => client.DeleteScriptAsync(path),
            Throws.ArgumentException.With.Message.Contains("not the path of a script"));
        Assert.That(() => client.PutScriptAsync(path, StreamOf("select 1")), Throws.ArgumentException);
        Assert.That(() => client.GetScriptAsync(path, Stream.Null), Throws.ArgumentException);
        Assert.That(way.Sent, Is.Zero);
    }

    private HeimdallClient Connect(HttpMessageHandler? handler = null) =>
        new(new HeimdallOptions { Address = _heimdall.Address, Handler = handler });

    private static MemoryStream StreamOf(string sql) => new(Encoding.UTF8.GetBytes(sql));

    private static string HashOf(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));

    private async Task<(string Text, string? Tag)> ReadAsync(string path, CancellationToken cancellationToken)
    {
        await using var text = new MemoryStream();
        var tag = await _client.GetScriptAsync(path, text, cancellationToken);
        return (Encoding.UTF8.GetString(text.ToArray()), tag);
    }
}
