using System.IO.Compression;
using System.Net;
using System.Text;
using Heimdall.Tests.Descriptions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>
/// RFC 9110, rule by rule, at every address that the OpenAPI document names. docs/reference/http.md says what holds.
/// </summary>
[CancelAfter(300_000)]
public sealed class HttpRuleTests
{
    private const string Job =
        """
        {"name": "rule", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
         "context": {"query": "select 1 as n", "return_result": true}}
        """;

    private const string Schedule =
        """
        {"cron": "0 0 1 1 *", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
         "context": {"query": "select 1"}}
        """;

    private const string Command = """{"version": "1", "plugin": "postgres", "cluster_tags": ["rule"]}""";

    private const string Cluster = """{"tags": ["rule"], "context": {"connection_string": "Host=127.0.0.1;Port=1;Username=rule"}}""";

    // These end by themselves only for a caller that goes away.
    private static readonly string[] _endless = ["GET /api/v1/job/{id}/events"];

    private HeimdallInstance _heimdall = null!;
    private DescribedApi _document = null!;
    private Operation[] _operations = [];
    private Guid _stored;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with
        {
            SqlUploads = "enabled: true, max_bytes: 1000",
            Server = "max_body_bytes: 20000",
        });
        _document = await OpenApiDocumentTests.ReadAsync(_heimdall);
        _stored = (await _heimdall.PostJobAsync(Job, CancellationToken.None, ("Prefer", "respond-async, wait=60")))
            .AssertStatus(200).Id;
        (string Kind, string Body)[] definitions = [("schedule", Schedule), ("command", Command), ("cluster", Cluster)];
        foreach (var (kind, body) in definitions)
        {
            (await _heimdall.SendAsync(
                HttpMethod.Put, $"/api/v1/{kind}/rule", CancellationToken.None, new StringContent(body, Encoding.UTF8, "application/json")))
                .AssertStatus(201);
        }
        await _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/sql/rule.sql", CancellationToken.None, new StringContent("select 1"));
        _operations =
        [
            .. _document.Operations.Select(found => found.Name.Split(' '))
                .Select(name => new Operation(name[0], name[1], Fill(name[1]))),
        ];
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Each_address_says_what_it_takes(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var address in _operations.GroupBy(operation => operation.Path))
        {
            // The route of scripts takes an empty path too, to say that it is none.
            var methods = _operations
                .Where(one => one.Path == address.Key || one.Path == $"{address.Key}/{{path}}")
                .Select(one => one.Method).ToHashSet();
            string[] expected = [.. methods, .. methods.Contains("GET") ? ["HEAD"] : Array.Empty<string>(), "OPTIONS"];
            var options = await SendAsync("OPTIONS", address.First().Target, cancellationToken);
            var other = await SendAsync("PATCH", address.First().Target, cancellationToken);
            var unknown = await SendAsync("BREW", address.First().Target, cancellationToken);
            Compare(faults, $"OPTIONS {address.Key}", (204, Sorted(expected.Distinct())), ((int)options.Status, Sorted(options.Allow)));
            Compare(faults, $"PATCH {address.Key}", (405, Sorted(expected.Distinct())), ((int)other.Status, Sorted(other.Allow)));
            Compare(faults, $"BREW {address.Key}", (501, "application/problem+json"), ((int)unknown.Status, unknown.Type));
        }

        Assert.That(faults, Is.Empty);
        Assert.That(_operations, Has.Length.AtLeast(50));
    }

    [Test]
    public async Task HEAD_is_GET_without_its_body(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var operation in _operations.Where(one => one.Method == "GET" && !_endless.Contains(one.Name)))
        {
            var get = await SendAsync("GET", operation.Target, cancellationToken);
            var head = await SendAsync("HEAD", operation.Target, cancellationToken);
            Compare(faults, operation.Name, (get.Status, get.Type, get.Tag, 0), (head.Status, head.Type, head.Tag, head.Body.Length));
        }

        Assert.That(faults, Is.Empty);
    }

    [Test]
    public async Task Each_reply_has_a_date_a_type_and_says_who_may_keep_it(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var operation in _operations.Where(one => one.Method == "GET" && !_endless.Contains(one.Name)))
        {
            using var reply = await AskAsync("GET", operation.Target, null, cancellationToken);
            var type = reply.Content.Headers.ContentType;
            if (reply.Headers.Date is null || reply.Headers.CacheControl is null || reply.Headers.Server.Count > 0
                || type is null || (type.MediaType is "application/json" or "text/plain" && type.CharSet != "utf-8"))
            {
                faults.Add($"{operation.Name}: {reply.Headers} {type}");
            }
        }

        Assert.That(faults, Is.Empty);
    }

    [Test]
    public async Task A_body_of_another_type_charset_or_coding_is_refused_with_what_is_taken(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var operation in TakingJson())
        {
            var text = await SendAsync(operation, "{}", "text/plain", null, cancellationToken);
            var latin = await SendAsync(operation, "{}", "application/json; charset=iso-8859-1", null, cancellationToken);
            var packed = await SendAsync(operation, "{}", "application/json", "compress", cancellationToken);
            var twice = await SendAsync(operation, "{}", "application/json", "gzip, gzip", cancellationToken);
            Compare(faults, $"{operation.Name} text", (415, "application/json", ""), Taken(text));
            Compare(faults, $"{operation.Name} latin1", (415, "application/json", ""), Taken(latin));
            Compare(faults, $"{operation.Name} compress", (415, "", "gzip, zstd"), Taken(packed));
            Compare(faults, $"{operation.Name} gzip twice", (415, "", "gzip, zstd"), Taken(twice));
        }

        Assert.That(faults, Is.Empty);
        Assert.That(TakingJson().Count(), Is.AtLeast(10));
    }

    [Test]
    public async Task A_packed_body_is_read_as_the_body([Values("gzip", "zstd", "identity")] string coding, CancellationToken cancellationToken)
    {
        var submit = _operations.Single(one => one.Name == "POST /api/v1/job");
        var script = _operations.Single(one => one.Name == "PUT /api/v1/sql/{path}");

        var job = await SendAsync(submit, Job, "application/json", coding, cancellationToken);
        var put = await SendAsync(script, "select 'packed'", "application/sql", coding, cancellationToken);
        var wrong = coding == "identity" ? null : await SendAsync(submit, Job, "application/json", coding, cancellationToken, asIs: true);

        Assert.That(job.Status, Is.EqualTo(HttpStatusCode.OK), Encoding.UTF8.GetString(job.Body));
        Assert.That(put.Status, Is.EqualTo(HttpStatusCode.OK), Encoding.UTF8.GetString(put.Body));
        Assert.That((await _heimdall.GetAsync("/api/v1/sql/rule.sql", cancellationToken)).Text, Is.EqualTo("select 'packed'"));
        Assert.That(wrong is null || wrong.Status == HttpStatusCode.BadRequest, "what is not packed so is told");
    }

    [TestCase("POST", "/api/v1/job", "application/json")]
    [TestCase("PUT", "/api/v1/sql/rule.sql", "application/sql")]
    public async Task A_small_packed_body_is_no_way_round_the_limit(
        string method, string path, string type, CancellationToken cancellationToken)
    {
        var bomb = $"{{\"name\": \"{new string('x', 10_000_000)}\"}}";

        var reply = await SendAsync(new Operation(method, path, path), bomb, type, "gzip", cancellationToken);

        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
    }

    [Test]
    public async Task A_body_of_several_gzip_members_is_read_as_all_of_them(
        [Values(0, 1, 2)] int empty, [Values(1, 7, 8192)] int piece, CancellationToken cancellationToken)
    {
        var sql = $"select '{string.Concat(Enumerable.Range(0, 250).Select(n => $"{n * 7919 % 10007:x}"))}' as long";
        var packed = new MemoryStream();
        foreach (var part in new[] { sql[..1], sql[1..600], sql[600..] })
        {
            for (var count = 0; count < empty; count++)
            {
                await packed.WriteAsync(
                    Convert.FromHexString("1f8b0800000000000003" + "0300" + "0000000000000000"), cancellationToken);
            }
            await packed.WriteAsync(await PackAsync("gzip", part), cancellationToken);
        }

        var whole = await PutPackedAsync(packed.ToArray(), piece, cancellationToken);
        var stored = await _heimdall.GetAsync("/api/v1/sql/rule.sql", cancellationToken);
        var broken = await PutPackedAsync(packed.ToArray()[..^5], piece, cancellationToken);
        var followed = await PutPackedAsync([.. packed.ToArray(), 1, 2, 3, 4, 5], piece, cancellationToken);

        Assert.That(whole, Is.EqualTo(200));
        Assert.That(stored.Text, Is.EqualTo(sql));
        Assert.That((broken, followed), Is.EqualTo((400, 400)));
    }

    [Test]
    public async Task Many_small_gzip_members_are_no_way_round_the_limit(CancellationToken cancellationToken)
    {
        var member = await PackAsync("gzip", new string(' ', 1_000_000));
        var many = Enumerable.Repeat(member, 20).SelectMany(bytes => bytes).ToArray();

        Assert.That(await PutPackedAsync(many, many.Length, cancellationToken), Is.EqualTo(413));
    }

    [TestCase("gzip", 1)]
    [TestCase("gzip", 10)]
    [TestCase("zstd", 1)]
    public async Task A_packed_body_that_breaks_off_is_refused(string coding, int missing, CancellationToken cancellationToken)
    {
        var script = _operations.Single(one => one.Name == "PUT /api/v1/sql/{path}");
        var whole = await PackAsync(coding, "select 1, 2, 3");

        using var request = new HttpRequestMessage(HttpMethod.Put, script.Target)
        {
            Content = new ByteArrayContent(whole[..^missing]),
        };
        request.Content.Headers.ContentEncoding.Add(coding);
        using var reply = await _heimdall.Client.SendAsync(request, cancellationToken);

        Assert.That((int)reply.StatusCode, Is.EqualTo(400));
    }

    [Test]
    public async Task A_change_with_If_Match_is_not_made_where_there_is_no_ETag(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var operation in _operations.Where(one => one.Method is "POST" or "PUT" or "DELETE"))
        {
            using var reply = await AskAsync(
                operation.Method, operation.Target, new StringContent(BodyFor(operation), Encoding.UTF8, "application/json"),
                cancellationToken, ("If-Match", "\"no-such-tag\""));
            Compare(faults, operation.Name, (412, "application/problem+json"), ((int)reply.StatusCode, $"{reply.Content.Headers.ContentType?.MediaType}"));
        }

        Assert.That(faults, Is.Empty);
        (await _heimdall.GetAsync("/api/v1/schedule/rule", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task Rows_are_negotiated_and_else_there_is_one_format(CancellationToken cancellationToken)
    {
        string[] negotiated =
        [
            "GET /api/v1/job/{id}/result", "GET /api/v1/job/{id}/result/chunks", "POST /api/v1/job",
        ];
        var faults = new List<string>();
        foreach (var operation in _operations.Where(one => (one.Method == "GET" || one.Name == "POST /api/v1/job") && !_endless.Contains(one.Name)))
        {
            var body = operation.Method == "POST" ? new StringContent(Job, Encoding.UTF8, "application/json") : null;
            using var any = await AskAsync(operation.Method, operation.Target, null, cancellationToken);
            using var image = await AskAsync(operation.Method, operation.Target, body, cancellationToken, ("Accept", "image/png"));
            var expected = negotiated.Contains(operation.Name) ? HttpStatusCode.NotAcceptable : any.StatusCode;
            Compare(faults, operation.Name, expected, image.StatusCode);
        }

        Assert.That(faults, Is.Empty);
    }

    [TestCase("text/csv", "text/csv")]
    [TestCase("text/csv;q=0.5, application/json;q=0.9", "application/json")]
    [TestCase("text/*;q=0.9, */*;q=0.1", "text/csv")]
    [TestCase("application/*;q=0, text/csv;q=0.001", "text/csv")]
    [TestCase("application/json;q=0, */*", "application/x-ndjson")]
    [TestCase("APPLICATION/VND.APACHE.PARQUET", "application/vnd.apache.parquet")]
    [TestCase("*/*", "application/json")]
    [TestCase("", "application/json")]
    public async Task The_format_that_is_liked_best_is_sent(string accept, string type, CancellationToken cancellationToken)
    {
        using var reply = await AskAsync("GET", $"/api/v1/job/{_stored}/result", null, cancellationToken, ("Accept", accept));

        Assert.That((int)reply.StatusCode, Is.EqualTo(200));
        Assert.That(reply.Content.Headers.ContentType?.MediaType, Is.EqualTo(type));
        Assert.That(reply.Headers.Vary, Does.Contain("Accept"));
    }

    /// <summary>13.2.2: If-Match goes first, then If-None-Match, then the range.</summary>
    [TestCase("{tag}", null, null, 200)]
    [TestCase("*", null, null, 200)]
    [TestCase("W/{tag}", null, null, 412)]
    [TestCase("\"other\", {tag}", null, null, 200)]
    [TestCase("\"other\"", "{tag}", null, 412)]
    [TestCase("{tag}", "{tag}", null, 304)]
    [TestCase(null, "W/{tag}", null, 304)]
    [TestCase(null, "*", null, 304)]
    [TestCase(null, "\"other\"", null, 200)]
    [TestCase("{tag}", null, "bytes=0-1", 206)]
    [TestCase("{tag}", "{tag}", "bytes=0-1", 304)]
    [TestCase("\"other\"", null, "bytes=0-1", 412)]
    public async Task Conditions_of_a_result_are_looked_at_in_their_order(
        string? match, string? noneMatch, string? range, int status, CancellationToken cancellationToken)
    {
        var target = $"/api/v1/job/{_stored}/result?format=csv";
        var tag = (await SendAsync("GET", target, cancellationToken)).Tag!;
        (string, string)[] headers =
        [
            .. Header("If-Match", match, tag), .. Header("If-None-Match", noneMatch, tag), .. Header("Range", range, tag),
        ];

        using var get = await AskAsync("GET", target, null, cancellationToken, headers);
        using var head = await AskAsync("HEAD", target, null, cancellationToken, headers);

        Assert.That((int)get.StatusCode, Is.EqualTo(status));
        Assert.That((int)head.StatusCode, Is.EqualTo(status == 206 ? 200 : status), "14.2: only GET has ranges");
        Assert.That(get.Headers.ETag?.ToString(), Is.EqualTo(tag));
    }

    /// <summary>13.2.1: the server must evaluate the conditions of a GET, wherever its reply has an ETag.</summary>
    [Test]
    public async Task The_conditions_of_each_reply_with_an_ETag_are_evaluated(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        var tagged = new List<string>();
        foreach (var operation in _operations.Where(one => one.Method == "GET" && !_endless.Contains(one.Name)))
        {
            var plain = await SendAsync("GET", operation.Target, cancellationToken);
            if (plain.Tag is not { } tag)
            {
                continue;
            }
            tagged.Add(operation.Path);
            (int Status, string Name, string Value)[] expected =
            [
                (304, "If-None-Match", tag), (304, "If-None-Match", $"\"other\", {tag}"), (304, "If-None-Match", "*"),
                (304, "If-None-Match", tag.StartsWith("W/", StringComparison.Ordinal) ? tag : $"W/{tag}"),
                (200, "If-None-Match", "\"other\""), (412, "If-Match", "\"other\""), (200, "If-Match", "*"),
                (tag.StartsWith("W/", StringComparison.Ordinal) ? 412 : 200, "If-Match", tag),
            ];
            foreach (var (status, name, value) in expected)
            {
                foreach (var method in new[] { "GET", "HEAD" })
                {
                    using var reply = await AskAsync(method, operation.Target, null, cancellationToken, (name, value));
                    var body = await reply.Content.ReadAsByteArrayAsync(cancellationToken);
                    Compare(
                        faults, $"{method} {operation.Path}, {name}: {value}", (status, status == 412 ? null : tag, true),
                        ((int)reply.StatusCode, status == 412 ? null : $"{reply.Headers.ETag}",
                            status != 304 || body.Length == 0));
                }
            }
        }

        Assert.That(faults, Is.Empty);
        Assert.That(tagged, Is.SupersetOf(new[]
        {
            "/api/v1/schedule/{id}", "/api/v1/command/{id}", "/api/v1/cluster/{id}", "/api/v1/sql/{path}",
            "/api/v1/job/{id}/result", "/api/v1/job/{id}/result/chunks",
        }));
    }

    [TestCase("/api/v1/schedule/rule")]
    [TestCase("/api/v1/command/rule")]
    [TestCase("/api/v1/cluster/rule")]
    [TestCase("/api/v1/sql/rule.sql")]
    public async Task A_strong_ETag_stands_for_one_coding(string path, CancellationToken cancellationToken)
    {
        using var reply = await AskAsync("GET", path, null, cancellationToken, ("Accept-Encoding", "gzip, br, zstd"));

        Assert.That(reply.Headers.ETag!.IsWeak, Is.False);
        Assert.That(reply.Content.Headers.ContentEncoding, Is.Empty);
    }

    [Test]
    public async Task A_write_that_may_not_be_says_what_is_taken(CancellationToken cancellationToken)
    {
        var body = Job.Replace("select 1 as n", "create table rule (n int)", StringComparison.Ordinal)
            .Replace("\"return_result\"", "\"read_only\": true, \"return_result\"", StringComparison.Ordinal);

        var reply = await SendAsync(_operations.Single(one => one.Name == "POST /api/v1/job"), body, "application/json", null, cancellationToken);

        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.MethodNotAllowed), Encoding.UTF8.GetString(reply.Body));
        Assert.That(Sorted(reply.Allow), Is.EqualTo("OPTIONS POST"));
    }

    private static (int Status, string Accept, string AcceptEncoding) Taken(Answer answer) =>
        ((int)answer.Status, answer.Accept, answer.AcceptEncoding);

    private static void Compare<T>(List<string> faults, string what, T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
        {
            faults.Add($"{what}: {found} and not {expected}");
        }
    }

    private static string Sorted(IEnumerable<string> words) => string.Join(' ', words.Order(StringComparer.Ordinal));

    private static IEnumerable<(string, string)> Header(string name, string? value, string tag) =>
        value is null ? [] : [(name, value.Replace("{tag}", tag, StringComparison.Ordinal))];

    private static string BodyFor(Operation operation) => operation.Path switch
    {
        "/api/v1/job" or "/api/v1/resolve" => Job,
        "/api/v1/jobs" => $"[{Job}]",
        "/api/v1/schedule/{id}" => Schedule,
        "/api/v1/command/{id}" => Command,
        "/api/v1/cluster/{id}" => Cluster,
        _ => "{}",
    };

    private static async Task<byte[]> PackAsync(string coding, string text)
    {
        var packed = new MemoryStream();
        await using (Stream packer = coding switch
        {
            "gzip" => new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true),
            "zstd" => new ZstdSharp.CompressionStream(packed, leaveOpen: true),
            _ => packed,
        })
        {
            await packer.WriteAsync(Encoding.UTF8.GetBytes(text));
        }
        return packed.ToArray();
    }

    /// <summary>Sends a script packed by gzip, in pieces of so many bytes.</summary>
    private async Task<int> PutPackedAsync(byte[] packed, int piece, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/api/v1/sql/rule.sql")
        {
            Content = new PiecewiseContent(packed, piece),
        };
        request.Content.Headers.ContentEncoding.Add("gzip");
        using var reply = await _heimdall.Client.SendAsync(request, cancellationToken);
        return (int)reply.StatusCode;
    }

    private IEnumerable<Operation> TakingJson() => _operations.Where(operation =>
        _document.Operations.Single(found => found.Name == operation.Name).Operation is var described
        && described.TryGetProperty("requestBody", out var body)
        && body.GetProperty("content").TryGetProperty("application/json", out _));

    private string Fill(string path) => path
        .Replace("/job/{id}", $"/job/{_stored}", StringComparison.Ordinal)
        .Replace("/deliveries/{id}", $"/deliveries/{_stored}", StringComparison.Ordinal)
        .Replace("/schedule/{id}", "/schedule/rule", StringComparison.Ordinal)
        .Replace("/session/{id}", $"/session/{_stored}", StringComparison.Ordinal)
        .Replace("/cluster/{id}", "/cluster/rule", StringComparison.Ordinal)
        .Replace("/command/{id}", "/command/rule", StringComparison.Ordinal)
        .Replace("{path}", "rule.sql", StringComparison.Ordinal);

    private async Task<Answer> SendAsync(string method, string target, CancellationToken cancellationToken)
    {
        using var reply = await AskAsync(method, target, null, cancellationToken);
        return await Answer.OfAsync(reply, cancellationToken);
    }

    private async Task<Answer> SendAsync(
        Operation operation, string body, string type, string? coding, CancellationToken cancellationToken, bool asIs = false)
    {
        var bytes = coding is null || asIs ? Encoding.UTF8.GetBytes(body) : await PackAsync(coding, body);
        var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        if (coding is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        }
        using var reply = await AskAsync(operation.Method, operation.Target, content, cancellationToken);
        return await Answer.OfAsync(reply, cancellationToken);
    }

    private async Task<HttpResponseMessage> AskAsync(
        string method, string target, HttpContent? content, CancellationToken cancellationToken,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), target) { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return await _heimdall.Client.SendAsync(request, cancellationToken);
    }

    /// <param name="Path">As the document has it.</param>
    /// <param name="Target">With the id of something that is there.</param>
    private sealed record Operation(string Method, string Path, string Target)
    {
        public string Name => $"{Method} {Path}";
    }

    private sealed record Answer(
        HttpStatusCode Status, string? Type, string? Tag, IReadOnlyCollection<string> Allow, string Accept,
        string AcceptEncoding, byte[] Body)
    {
        public static async Task<Answer> OfAsync(HttpResponseMessage reply, CancellationToken cancellationToken) => new(
            reply.StatusCode, reply.Content.Headers.ContentType?.MediaType, reply.Headers.ETag?.ToString(),
            [.. reply.Content.Headers.Allow], Joined(reply, "Accept"), Joined(reply, "Accept-Encoding"),
            await reply.Content.ReadAsByteArrayAsync(cancellationToken));

        private static string Joined(HttpResponseMessage reply, string name) =>
            reply.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : "";
    }

    /// <summary>A body whose pieces are sent one after the other.</summary>
    private sealed class PiecewiseContent(byte[] body, int piece) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var part in body.Chunk(piece))
            {
                await stream.WriteAsync(part);
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
