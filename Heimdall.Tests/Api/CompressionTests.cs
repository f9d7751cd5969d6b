using System.Diagnostics;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;
using ZstdSharp;

namespace Heimdall.Tests.Api;

/// <summary>Replies are compressed for those who ask for it, and are the same otherwise.</summary>
[CancelAfter(60_000)]
public sealed partial class CompressionTests
{
    private const string Numbers = "select n, md5(n::text) as hash from generate_series(1, 20000) as n";

    private HeimdallInstance _heimdall = null!;
    private Guid _stored;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Server = "stalled_client_timeout: 1s" });
        _stored = (await _heimdall.SubmitAsync(Numbers, returnResult: true, CancellationToken.None, prefer: "respond-async, wait=30")).AssertStatus(200).Id;
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_reply_is_compressed_as_it_was_asked_for(
        [Values("br", "gzip", "zstd")] string encoding,
        [Values("application/json", "application/x-ndjson", "text/csv")] string accept,
        [Values] bool isInline,
        CancellationToken cancellationToken)
    {
        using var plain = await SendAsync(isInline, accept, acceptEncoding: null, cancellationToken);
        using var packed = await SendAsync(isInline, accept, encoding, cancellationToken);

        var bytes = await packed.Content.ReadAsByteArrayAsync(cancellationToken);
        Assert.That(plain.Content.Headers.ContentEncoding, Is.Empty);
        Assert.That(packed.Content.Headers.ContentEncoding, Is.EqualTo(new[] { encoding }));
        Assert.That(packed.Headers.Vary, Does.Contain("Accept-Encoding"));
        Assert.That(packed.Content.Headers.ContentType, Is.EqualTo(plain.Content.Headers.ContentType));
        var expected = await plain.Content.ReadAsStringAsync(cancellationToken);
        Assert.That(Rows(Decode(bytes, encoding)), Has.Length.EqualTo(20_000).And.EqualTo(Rows(expected)));
        Assert.That(bytes, Has.Length.LessThan(expected.Length));
    }

    [TestCase("identity", null)]
    [TestCase("deflate", null)]
    [TestCase("zstd;q=0, gzip", "gzip")]
    [TestCase("gzip, deflate, br, zstd", "zstd")]
    [TestCase("gzip;q=1, br;q=0.5", "gzip")]
    public async Task The_encoding_is_one_the_caller_takes(string acceptEncoding, string? encoding, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(isInline: false, "application/json", acceptEncoding, cancellationToken);

        Assert.That(reply.Content.Headers.ContentEncoding, Is.EqualTo(encoding is null ? Array.Empty<string>() : [encoding]));
    }

    [Test]
    public async Task Problems_and_logs_are_compressed_too([Values("br", "gzip", "zstd")] string encoding, CancellationToken cancellationToken)
    {
        using var problem = await SendAsync(HttpMethod.Get, $"/api/v1/job/{Guid.CreateVersion7()}", encoding, cancellationToken);
        using var log = await SendAsync(HttpMethod.Get, $"/api/v1/job/{_stored}/stdout", encoding, cancellationToken);

        var text = Decode(await problem.Content.ReadAsByteArrayAsync(cancellationToken), encoding);
        Assert.That((int)problem.StatusCode, Is.EqualTo(404));
        Assert.That(problem.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("status").GetInt32(), Is.EqualTo(404));
        Assert.That((int)log.StatusCode, Is.EqualTo(200));
    }

    [Test]
    public async Task Head_has_no_body_to_compress(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Head, $"/api/v1/job/{_stored}/result", "zstd", cancellationToken);

        Assert.That((int)reply.StatusCode, Is.EqualTo(200));
        Assert.That(await reply.Content.ReadAsByteArrayAsync(cancellationToken), Is.Empty);
    }

    [Test]
    public async Task Compressed_rows_leave_while_the_query_runs([Values("br", "gzip", "zstd")] string encoding, CancellationToken cancellationToken)
    {
        // Random, so that no compressor can wait for more of the same.
        var gate = $"gate-{encoding}";
        await _heimdall.CloseGateAsync(gate, cancellationToken);
        await _heimdall.Target.ExecuteAsync(
            """
            create or replace function wait_at(wanted text) returns text language plpgsql volatile as $$
            begin while exists (select from gate where name = wanted) loop perform pg_sleep(0.02); end loop; return 'open'; end $$
            """,
            cancellationToken);
        var query = $"select case when n < 3000 then md5(random()::text) || md5(random()::text) else wait_at('{gate}') end from generate_series(1, 3000) as n";
        using var reply = await PostAsync(query, "application/x-ndjson", encoding, cancellationToken);

        await using var body = await reply.Content.ReadAsStreamAsync(cancellationToken);
        await using var decoded = Decoder(body, encoding);
        using var lines = new StreamReader(decoded);
        await lines.ReadLineAsync(cancellationToken);
        var first = await lines.ReadLineAsync(cancellationToken);
        await _heimdall.OpenGateAsync(gate, cancellationToken);
        var rest = await lines.ReadToEndAsync(cancellationToken);

        Assert.That(first, Does.StartWith("[\""));
        Assert.That(rest, Does.Contain("[\"open\"]\n").And.Contain("\"status\":\"SUCCEEDED\""));
    }

    [Test]
    public async Task A_compressed_csv_that_failed_breaks_off([Values("br", "gzip", "zstd")] string encoding, CancellationToken cancellationToken)
    {
        using var reply = await PostAsync("select md5(n::text), 1 / (50000 - n) from generate_series(1, 100000) as n", "text/csv", encoding, cancellationToken);

        Assert.That(
            async () => await reply.Content.ReadAsByteArrayAsync(cancellationToken), Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<IOException>());
    }

    [Test]
    public async Task A_client_that_stops_reading_what_is_compressed_is_given_up([Values("br", "gzip", "zstd")] string encoding, CancellationToken cancellationToken)
    {
        using var reply = await PostAsync(
            "select md5(random()::text), md5(random()::text) from generate_series(1, 10000) cross join generate_series(1, 10000) as more", "application/x-ndjson", encoding, cancellationToken, name: $"stalled-{encoding}");

        await Eventually.Becomes(
            () => _heimdall.GetAsync($"/api/v1/jobs?name=stalled-{encoding}&status=CANCELED", cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(list => list?.Json.GetProperty("data").GetArrayLength() == 1),
            cancellationToken);
    }

    private static string[] Rows(string reply) => [.. Row().Matches(reply).Select(row => row.Value)];

    private Task<HttpResponseMessage> SendAsync(bool isInline, string accept, string? acceptEncoding, CancellationToken cancellationToken) => isInline
        ? PostAsync(Numbers, accept, acceptEncoding, cancellationToken)
        : SendAsync(HttpMethod.Get, $"/api/v1/job/{_stored}/result", acceptEncoding, cancellationToken, accept);

    private Task<HttpResponseMessage> PostAsync(string query, string accept, string? acceptEncoding, CancellationToken cancellationToken, string name = "test") => SendAsync(
        HttpMethod.Post,
        "/api/v1/job",
        acceptEncoding,
        cancellationToken,
        accept,
        JsonSerializer.Serialize(new { name, version = "1", command_criteria = new[] { "type:postgres" }, cluster_criteria = new[] { "_id:postgres" }, context = new { query, return_result = true } }));

    private Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string? acceptEncoding, CancellationToken cancellationToken, string accept = "application/json", string? body = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", acceptEncoding);
        return _heimdall.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static Stream Decoder(Stream packed, string encoding) => encoding switch
    {
        "br" => new BrotliStream(packed, CompressionMode.Decompress),
        "gzip" => new GZipStream(packed, CompressionMode.Decompress),
        _ => new DecompressionStream(packed),
    };

    /// <summary>By a decoder that is not ours: of zstd, its own program where there is one.</summary>
    private static string Decode(byte[] packed, string encoding)
    {
        using var decoder = encoding == "zstd" && File.Exists("/usr/bin/zstd") ? UnpackByProgram(packed) : Decoder(new MemoryStream(packed), encoding);
        using var text = new StreamReader(decoder);
        return text.ReadToEnd();
    }

    private static MemoryStream UnpackByProgram(byte[] packed)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, packed);
            using var zstd = Process.Start(new ProcessStartInfo("/usr/bin/zstd", ["-d", "-c", "-q", file]) { RedirectStandardOutput = true })!;
            var unpacked = new MemoryStream();
            zstd.StandardOutput.BaseStream.CopyTo(unpacked);
            zstd.WaitForExit();
            Assert.That(zstd.ExitCode, Is.Zero);
            unpacked.Position = 0;
            return unpacked;
        }
        finally
        {
            File.Delete(file);
        }
    }

    [GeneratedRegex("[0-9]+,\"?[0-9a-f]{32}")]
    private static partial Regex Row();
}
