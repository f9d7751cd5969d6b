using System.Security.Cryptography;
using Apache.Arrow.Ipc;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Clients read the chunks of a stored result side by side, and any bytes of it, and get what it is.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class ResultChunkListTests
{
    private const int Rows = 20_000;

    private HeimdallInstance _heimdall = null!;
    private Guid _id;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        var job = await _heimdall.SubmitAsync(
            $"select n, md5(n::text) as hash, n / 7.0 as part, nullif(n % 5, 0) as some from generate_series(1, {Rows}) n",
            returnResult: true, CancellationToken.None, prefer: "respond-async, wait=60");
        _id = job.AssertStatus(200).Id;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("json")]
    [TestCase("ndjson")]
    [TestCase("csv")]
    [TestCase("csv-rows")]
    [TestCase("arrow")]
    [TestCase("parquet")]
    public async Task Each_chunk_has_the_bytes_that_the_list_says(string format, CancellationToken cancellationToken)
    {
        var list = (await ListAsync($"?rows=3000&format={format}", cancellationToken)).AssertStatus(200).Json;
        var chunks = list.GetProperty("chunks").EnumerateArray().ToArray();

        var bodies = await Task.WhenAll(chunks.Select(chunk =>
            _heimdall.Client.GetByteArrayAsync(chunk.GetProperty("href").GetString(), cancellationToken)));

        Assert.That(chunks, Has.Length.EqualTo(7));
        Assert.That(list.GetProperty("total_rows").GetInt64(), Is.EqualTo(Rows));
        Assert.That(chunks.Select(chunk => chunk.GetProperty("offset").GetInt64()), Is.EqualTo(Enumerable.Range(0, 7).Select(i => 3000L * i)));
        Assert.That(chunks.Sum(chunk => chunk.GetProperty("row_count").GetInt64()), Is.EqualTo(Rows));
        Assert.That(bodies.Select(body => body.LongLength), Is.EqualTo(chunks.Select(chunk => chunk.GetProperty("bytes").GetInt64())));
        Assert.That(
            bodies.Select(body => Convert.ToHexStringLower(SHA256.HashData(body))),
            Is.EqualTo(chunks.Select(chunk => chunk.GetProperty("sha256").GetString())));
    }

    [Test]
    public async Task Chunks_that_are_put_together_are_the_whole(CancellationToken cancellationToken)
    {
        var whole = await _heimdall.Client.GetStringAsync($"/api/v1/job/{_id}/result?format=csv-rows", cancellationToken);

        var parts = await Task.WhenAll((await HrefsAsync("?rows=999&format=csv-rows", cancellationToken))
            .Select(href => _heimdall.Client.GetStringAsync(href, cancellationToken)));

        Assert.That(string.Concat(parts), Is.EqualTo(whole));
    }

    [Test]
    public async Task Chunks_of_arrow_have_all_rows_in_their_order(CancellationToken cancellationToken)
    {
        var numbers = new List<int?>();
        foreach (var href in await HrefsAsync("?rows=7001&format=arrow", cancellationToken))
        {
            using var reader = new ArrowStreamReader(await _heimdall.Client.GetByteArrayAsync(href, cancellationToken));
            while (await reader.ReadNextRecordBatchAsync(cancellationToken) is { } batch)
            {
                numbers.AddRange((Apache.Arrow.Int32Array)batch.Column(0));
            }
        }

        Assert.That(numbers, Is.EqualTo(Enumerable.Range(1, Rows).Select(n => (int?)n)));
    }

    [Test]
    public async Task The_format_of_a_list_follows_accept_where_no_parameter_names_it(CancellationToken cancellationToken)
    {
        var csv = await _heimdall.SendAsync(
            HttpMethod.Get, $"/api/v1/job/{_id}/result/chunks", cancellationToken, content: null, ("Accept", "text/csv"));
        var unknown = await ListAsync("?format=xlsx", cancellationToken);
        var small = await ListAsync("?rows=1", cancellationToken);

        Assert.That(csv.AssertStatus(200)["format"], Is.EqualTo("csv"));
        Assert.That(csv.Json.GetProperty("chunks").GetArrayLength(), Is.EqualTo(1));
        unknown.AssertProblem(400, "format", "parquet");
        small.AssertProblem(400, "rows", "more than 2");
    }

    [Test]
    public async Task Who_has_a_list_need_not_get_it_again(CancellationToken cancellationToken)
    {
        var tag = (await ListAsync("?rows=5000", cancellationToken)).Header("ETag")!;
        Task<Reply> AskAsync(string query) => _heimdall.SendAsync(
            HttpMethod.Get, $"/api/v1/job/{_id}/result/chunks{query}", cancellationToken, content: null, ("If-None-Match", tag));

        (await AskAsync("?rows=5000")).AssertStatus(304);
        (await AskAsync("?rows=5001")).AssertStatus(200);
    }

    [TestCase("json")]
    [TestCase("csv")]
    [TestCase("arrow")]
    [TestCase("parquet")]
    public async Task Ranges_that_are_put_together_are_the_whole(string format, CancellationToken cancellationToken)
    {
        var path = $"/api/v1/job/{_id}/result?format={format}";
        var whole = await _heimdall.Client.GetByteArrayAsync(path, cancellationToken);
        var size = (whole.Length / 4) + 1;

        var parts = await Task.WhenAll(Enumerable.Range(0, 4).Select(async i =>
        {
            using var reply = await AskRangeAsync(path, $"bytes={i * size}-{((i + 1) * size) - 1}", cancellationToken);
            Assert.That((int)reply.StatusCode, Is.EqualTo(206));
            Assert.That(reply.Content.Headers.ContentRange!.From, Is.EqualTo(i * size));
            Assert.That(reply.Content.Headers.ContentRange.Length, Is.EqualTo(whole.Length));
            var body = await reply.Content.ReadAsByteArrayAsync(cancellationToken);
            Assert.That(reply.Content.Headers.ContentLength, Is.EqualTo(body.Length));
            return body;
        }));

        Assert.That(parts.SelectMany(part => part).SequenceEqual(whole), "it is not the same");
    }

    [TestCase("bytes=0-0", 206, "0-0")]
    [TestCase("bytes=-5", 206, "{n-5}-{n-1}")]
    [TestCase("bytes=10-", 206, "10-{n-1}")]
    [TestCase("bytes=5-999999999999", 206, "5-{n-1}")]
    [TestCase("bytes=-999999999999", 206, "0-{n-1}")]
    [TestCase("bytes=999999999999-", 416, null)]
    [TestCase("bytes=-0", 416, null)]
    [TestCase("bytes=0-1,4-5", 200, null)]
    [TestCase("lines=0-1", 200, null)]
    [TestCase("bytes=x", 200, null)]
    public async Task A_range_is_followed_refused_or_left_aside(
        string range, int status, string? bytes, CancellationToken cancellationToken)
    {
        var path = $"/api/v1/job/{_id}/result?format=csv&limit=100";
        var whole = (await _heimdall.Client.GetByteArrayAsync(path, cancellationToken)).Length;

        using var reply = await AskRangeAsync(path, range, cancellationToken);

        Assert.That((int)reply.StatusCode, Is.EqualTo(status));
        Assert.That(reply.Headers.AcceptRanges, Is.EqualTo(new[] { "bytes" }));
        Assert.That(
            reply.Content.Headers.ContentRange?.ToString(),
            Is.EqualTo(status == 416 ? $"bytes */{whole}" : bytes is null ? null : $"bytes {Fill(bytes, whole)}/{whole}"));
    }

    [Test]
    public async Task A_range_goes_on_with_the_same_bytes_alone(CancellationToken cancellationToken)
    {
        var path = $"/api/v1/job/{_id}/result?format=csv";
        var tag = (await _heimdall.GetAsync(path, cancellationToken)).Header("ETag")!;

        using var same = await AskRangeAsync(path, "bytes=0-9", cancellationToken, ("If-Range", tag));
        using var weak = await AskRangeAsync(path, "bytes=0-9", cancellationToken, ("If-Range", $"W/{tag}"));
        using var other = await AskRangeAsync(path, "bytes=0-9", cancellationToken, ("If-Range", "\"other\""));
        using var date = await AskRangeAsync(
            path, "bytes=0-9", cancellationToken, ("If-Range", "Mon, 30 Nov 2026 00:00:00 GMT"));
        using var known = await AskRangeAsync(path, "bytes=0-9", cancellationToken, ("If-None-Match", tag));

        Assert.That(
            new[] { same, weak, other, date, known }.Select(reply => (int)reply.StatusCode),
            Is.EqualTo(new[] { 206, 200, 200, 200, 304 }));
    }

    [Test]
    public async Task A_range_is_not_compressed(CancellationToken cancellationToken)
    {
        var path = $"/api/v1/job/{_id}/result?format=csv";

        using var part = await AskRangeAsync(path, "bytes=0-99", cancellationToken, ("Accept-Encoding", "gzip"));
        using var whole = new HttpRequestMessage(HttpMethod.Get, path);
        whole.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip");
        using var packed = await _heimdall.Client.SendAsync(whole, cancellationToken);

        Assert.That((int)part.StatusCode, Is.EqualTo(206));
        Assert.That(part.Content.Headers.ContentEncoding, Is.Empty);
        Assert.That((await part.Content.ReadAsByteArrayAsync(cancellationToken)).Length, Is.EqualTo(100));
        Assert.That(packed.Content.Headers.ContentEncoding, Is.EqualTo(new[] { "gzip" }));
        Assert.That(packed.Headers.ETag!.IsWeak, "other bytes than without a coding");
    }

    private static string Fill(string bytes, int whole) => bytes
        .Replace("{n-1}", $"{whole - 1}", StringComparison.Ordinal)
        .Replace("{n-5}", $"{whole - 5}", StringComparison.Ordinal);

    private Task<Reply> ListAsync(string query, CancellationToken cancellationToken) =>
        _heimdall.GetAsync($"/api/v1/job/{_id}/result/chunks{query}", cancellationToken);

    private async Task<string[]> HrefsAsync(string query, CancellationToken cancellationToken)
    {
        var list = (await ListAsync(query, cancellationToken)).AssertStatus(200).Json;
        return [.. list.GetProperty("chunks").EnumerateArray().Select(chunk => chunk.GetProperty("href").GetString()!)];
    }

    private async Task<HttpResponseMessage> AskRangeAsync(
        string path, string range, CancellationToken cancellationToken, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Range", range);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return await _heimdall.Client.SendAsync(request, cancellationToken);
    }
}
