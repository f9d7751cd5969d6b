using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Api.Callers;
using Heimdall.Api.Rights;
using Heimdall.Tests.Hooks;
using Heimdall.Tests.Monitoring;
using Heimdall.Tests.Support;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using NUnit.Framework;

namespace Heimdall.Tests.Secrets;

/// <summary>
/// Each kind of secret is a canary, and everything is logged. Nothing that Heimdall says, sends, stores or shows to
/// other processes of the machine may hold one.
/// </summary>
[CancelAfter(300_000)]
public sealed class CanaryTests() : RealProcessTests(processes: 2)
{
    private const string Issuer = "https://login.example.org/realm";
    private const string HookSecret = "whsec_Y2FuYXJ5LWhvb2stY2FuYXJ5LWhvb2stY2FuYXJ5IQ==";

    private static readonly (string Key, string Hash) Admin = ApiKeyRing.Create();

    /// <summary>By what it is; those of the tests' own connection strings come first.</summary>
    private readonly Dictionary<string, string> _canaries = new()
    {
        ["password in the file"] = HeimdallInstance.Canary,
        ["password put over REST"] = "canary-put-over-rest-Zx81",
        ["password put, then replaced"] = "canary-put-before-Qx77",
        ["parameter of a query"] = "canary-parameter-Ab12",
        ["variable of a batch"] = "canary-variable-Cd34",
        ["secret of a schedule"] = "canary-schedule-Ef56",
        ["secret of a retry"] = "canary-retry-Gh78",
        ["secret of a waiting job"] = "canary-waiting-Ij90",
        ["secret of the file's schedule"] = "canary-file-schedule-Kl13",
        ["api key"] = Admin.Key,
        ["hook secret"] = HookSecret,
    };

    private readonly List<Reply> _replies = [];
    private readonly int _apiMetrics = FreePort.Find();
    private readonly int _workerMetrics = FreePort.Find();
    private readonly ECDsa _signer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private Collector _collector = null!;
    private HookReceiver _receiver = null!;
    private HeimdallInstance _heimdall = null!;
    private string _folder = null!;
    private string _token = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        (_collector, _receiver) = (new Collector(), new HookReceiver());
        _folder = Directory.CreateTempSubdirectory("heimdall-canary-").FullName;
        var keys = Path.Combine(_folder, "jwks.json");
        await File.WriteAllTextAsync(keys, JsonSerializer.Serialize(new { keys = new[] { PublicKey() } }));
        _token = Token();
        _canaries["token"] = _token;
        _heimdall = await HeimdallInstance.CreateAsync(config => (config with
        {
            Auth = $$"""
                api_keys: [{user: alice, hash: "{{Admin.Hash}}"}], roles: [{role: admin, users: [alice, tom]}],
                jwt: {keys_file: "{{keys}}", issuer: "{{Issuer}}", audience: heimdall, user_claim: email}
                """.ReplaceLineEndings(" "),
            Logging = "levels: {default: trace, Microsoft: trace, System: trace, Hangfire: trace}",
            Metrics = $"api_listen: 'http://127.0.0.1:{_apiMetrics}', "
                + $"worker_listen: 'http://127.0.0.1:{_workerMetrics}'",
            Otlp = $"endpoint: '{_collector.Address}', protocol: http, metrics_interval: 1s",
            Tracing = "statement_comments: true",
            SqlUploads = "enabled: true",
            Hooks = "allow: [127.0.0.2], retry_after: 50ms, timeout: 2s, receivers: "
                + $"[{{id: told, url: \"{_receiver.UrlOf("told")}\", secrets: [\"{HookSecret}\"], "
                + "events: [job.ended]}]",
        })
            .WithCluster("down", "type:postgres, data:local, data:down",
                $"postgresql://someone:{HeimdallInstance.Canary}@127.0.0.1:1/nothing")
            .WithSchedule(
                "of-file",
                "cron: 0 0 1 1 *, command_criteria: [\"_id:postgres-0.0.1\"], cluster_criteria: [\"_id:postgres\"], "
                    + "context: {query: \"select length(:'pw');\", "
                    + "variables: {pw: {value: \"${env:CANARY_OF_FILE}\", secret: true}}}"));
        _heimdall.Variables["CANARY_OF_FILE"] = _canaries["secret of the file's schedule"];
        _heimdall.Client.DefaultRequestHeaders.Authorization = new("Bearer", Admin.Key);
        _heimdall.OnReply = (_, reply) =>
        {
            lock (_replies)
            {
                _replies.Add(reply);
            }
        };
        _heimdall.StartWorkerProcess();
        await _heimdall.StartApiProcessAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _collector.DisposeAsync();
        await _receiver.DisposeAsync();
        _signer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task No_secret_is_anywhere_but_where_it_is_used(CancellationToken cancellationToken)
    {
        await UseAsync(cancellationToken);
        var jobs = await _heimdall.Store.ColumnAsync<Guid>("select id from heimdall.job", cancellationToken);
        Assert.That(jobs, Has.Count.GreaterThan(10));
        var schedules = await _heimdall.GetAsync("/api/v1/schedules", cancellationToken);
        Assert.That(schedules.Json.GetArrayLength(), Is.EqualTo(2), schedules.Text);

        var paths = (await PathsAsync(jobs, cancellationToken)).ToArray();
        Assert.That(paths, Has.Length.GreaterThan(100));
        foreach (var path in paths)
        {
            Assert.That((int)(await _heimdall.GetAsync(path, cancellationToken)).Status, Is.Not.EqualTo(500), path);
        }
        await Eventually.Is(() =>
            Task.FromResult(_collector.HasMetrics("heimdall") && _collector.HasTraces("heimdall")), cancellationToken);
        using var scrape = new HttpClient();
        var metrics = await scrape.GetStringAsync($"http://127.0.0.1:{_apiMetrics}/metrics", cancellationToken)
            + await scrape.GetStringAsync($"http://127.0.0.1:{_workerMetrics}/metrics", cancellationToken);
        Assert.That(metrics, Does.Contain("heimdall_"));
        Assert.That(_receiver.At("told"), Is.Not.Empty);
        var logs = _heimdall.Logs.ToArray();
        Assert.That(logs, Has.Length.EqualTo(2).And.All.Contains("trce: "));
        var commandLines = CommandLines();
        Assert.That(commandLines, Has.Some.Contains("Heimdall.Api").And.Some.Contains("Heimdall.Worker"));

        foreach (var (what, canary) in _canaries)
        {
            Assert.That(_replies.Where(reply => Holds($"{reply.Headers}{reply.Text}", canary))
                .Select(reply => reply.Text), Is.Empty, $"replies: {what}");
            Assert.That(logs.SelectMany(log => log.Split('\n')).Where(line => Holds(line, canary)), Is.Empty,
                $"logs: {what}");
            Assert.That(metrics, Does.Not.Contain(canary), $"metrics: {what}");
            Assert.That(_collector.HasTraces(canary) || _collector.HasMetrics(canary), Is.False, $"telemetry: {what}");
            Assert.That(_receiver.At("told").Where(message => Holds(message.Body, canary)), Is.Empty, $"hooks: {what}");
            Assert.That(commandLines.Where(line => Holds(line, canary)), Is.Empty, $"/proc: {what}");
            Assert.That(
                await StoreSearch.FindAsync(_heimdall.Store, canary, cancellationToken), Is.Empty, $"store: {what}");
        }
    }

    private static bool Holds(string text, string canary) => text.Contains(canary, StringComparison.OrdinalIgnoreCase);

    /// <summary>Each secret is used in each way in which it may be told by mistake.</summary>
    private async Task UseAsync(CancellationToken cancellationToken)
    {
        await _heimdall.SendAsync(HttpMethod.Get, "/api/v1/me", cancellationToken);
        await UseTokenAsync(cancellationToken);

        await PutClusterAsync(_canaries["password put, then replaced"], cancellationToken);
        await PutClusterAsync(_canaries["password put over REST"], cancellationToken);
        await PutAsync(
            "cluster/put-down",
                Cluster("put-down", $"postgresql://someone:{_canaries["password put over REST"]}@127.0.0.1:1/none"),
            201, cancellationToken);
        await PutAsync("cluster/wrong",
            Cluster("a", $"postgresql://a:{_canaries["password put over REST"]}@:x:y/z z"), 400, cancellationToken);
        await PutAsync("cluster/wrong", Cluster("a", $"Password={_canaries["password put over REST"]};Nonsense=1"),
            400, cancellationToken);

        var parameter = _canaries["parameter of a query"];
        foreach (var cluster in new[] { "_id:postgres", "_id:down", "_id:put", "_id:put-down" })
        {
            foreach (var prefer in new[] { null, "respond-async", "wait=5" })
            {
                await QueryAsync("select length(:pw::text)", parameter, cluster, prefer, cancellationToken);
                await QueryAsync("select :pw::int", parameter, cluster, prefer, cancellationToken);
                await QueryAsync("select pg_terminate_backend(pg_backend_pid()) where :pw <> ''", parameter, cluster,
                    prefer, cancellationToken);
            }
            await BatchAsync(
                "create temp table c (pw text unique); insert into c values (:'pw'); insert into c values (:'pw');",
                cluster, cancellationToken);
            await BatchAsync("do $$ begin raise notice 'notice %', 'x'; end $$; select :'pw'::int;", cluster,
                cancellationToken);
            await BatchAsync("\\echo :pw\nselect :pw;", cluster, cancellationToken);
        }
        await PostAsync("job",
            Job("dry", "select :pw::text", $"\"return_result\": true, {Parameters(parameter)}",
            ", \"dry_run\": true"), cancellationToken);
        await PostAsync("resolve",
            Job("resolved", "select :pw::text", $"\"return_result\": true, {Parameters(parameter)}"),
            cancellationToken);
        await PostAsync("job", Job("wrong", "select 1", $"{Parameters(parameter)}"), cancellationToken);
        await PostAsync("jobs", $"[{Job("many", "select :'pw'", Variables(_canaries["variable of a batch"]))}]",
            cancellationToken);
        await PostAsync(
            "job", Job("all", "select :'pw';", Variables(_canaries["variable of a batch"]), ", \"target\": \"all\"")
                .Replace("_id:postgres\"", "data:local\"", StringComparison.Ordinal),
            cancellationToken);

        var waiting = await PostAsync(
            "job", Job("waits", "select 1", Variables(_canaries["secret of a waiting job"]),
                $", \"start_after\": \"{DateTime.UtcNow.AddHours(1):O}\""), cancellationToken);
        await PostAsync(
            "job", Job("waits on", "select 1", Variables(_canaries["secret of a waiting job"]),
                $", \"start_after\": \"{DateTime.UtcNow.AddHours(1):O}\""), cancellationToken);
        await _heimdall.CancelAsync(waiting.Id, cancellationToken);
        await PostAsync($"job/{waiting.Id}/retry", "{}", cancellationToken);
        await PostAsync($"job/{waiting.Id}/retry", $$"""{"secrets": {"pw": "{{_canaries["secret of a retry"]}}"} }""",
            cancellationToken);
        var running = await PostAsync(
            "job", Job("runs", "select pg_sleep(60) from (select :'pw') x;",
                Variables(_canaries["variable of a batch"])), cancellationToken);
        await _heimdall.WaitForStatusAsync(running.Id, "RUNNING", cancellationToken);
        await _heimdall.GetAsync($"/hangfire/sql/jobs/{running.Id}", cancellationToken);
        await _heimdall.CancelAsync(running.Id, cancellationToken);

        var schedule = $$"""
            {"cron": "0 0 1 1 *", "command_criteria": ["_id:postgres-0.0.1"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "select :'pw'::int;", {{Variables(_canaries["secret of a schedule"])}} } }
            """;
        await PutAsync("schedule/canary", schedule, 201, cancellationToken);
        await PutAsync(
            "schedule/canary",
            schedule.Replace($"\"{_canaries["secret of a schedule"]}\"", "null", StringComparison.Ordinal), 200,
                cancellationToken);
        foreach (var id in new[] { "canary", "of-file" })
        {
            var run = (await PostAsync($"schedule/{id}/trigger", "", cancellationToken)).AssertStatus(202);
            var ended = await _heimdall.WaitForEndAsync(run.Json.GetProperty("job_id").GetGuid(), cancellationToken);
            Assert.That(ended["status"], Is.EqualTo(id == "canary" ? "FAILED" : "SUCCEEDED"), ended.Text);
        }
        await Eventually.Is(
            async () => await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where finished_at is null and name not in ('waits on')",
                    cancellationToken) == 0,
            cancellationToken, TimeSpan.FromMinutes(2));
    }

    private async Task UseTokenAsync(CancellationToken cancellationToken)
    {
        foreach (var token in new[] { _token, $"{_token}x", $"hmd_{_token}" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/me");
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
            using var response = await _heimdall.Client.SendAsync(request, cancellationToken);
            var reply = await Reply.ReadAsync(response, cancellationToken);
            _replies.Add(reply);
            Assert.That(((int)reply.Status, token == _token), Is.EqualTo((200, true)).Or.EqualTo((401, false)),
                reply.Text);
        }
    }

    private Task<Reply> QueryAsync(string sql, string secret, string cluster, string? prefer,
        CancellationToken cancellationToken) =>
        _heimdall.SubmitAsync(
            sql, returnResult: true, cancellationToken, cluster: cluster, prefer: prefer,
            more: new { parameters = new { pw = new { value = secret, secret = true } } });

    private Task<Reply> BatchAsync(string sql, string cluster, CancellationToken cancellationToken) =>
        _heimdall.SubmitAsync(
            sql, returnResult: false, cancellationToken, cluster: cluster,
            more: new { variables = new { pw = new { value = _canaries["variable of a batch"], secret = true } } });

    private static string Variables(string secret) => $$"""
        "variables": {"pw": {"value": "{{secret}}", "secret": true} }
        """;

    private static string Parameters(string secret) => $$"""
        "parameters": {"pw": {"value": "{{secret}}", "secret": true} }
        """;

    private static string Job(string name, string query, string context, string more = "") => $$"""
        {"name": "{{name}}", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
         "context": {"query": "{{query}}", {{context}} }{{more}} }
        """;

    private static string Cluster(string tag, string connectionString) => $$"""
        {"tags": ["type:postgres", "data:local", "data:{{tag}}"],
         "context": {"connection_string": "{{connectionString}}"} }
        """;

    private Task PutClusterAsync(string password, CancellationToken cancellationToken) => PutAsync(
        "cluster/put", Cluster("put", $"{_heimdall.Target.ConnectionString};Password={password}"), null,
            cancellationToken);

    private async Task PutAsync(string path, string body, int? status, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/{path}", cancellationToken, Json(body));
        Assert.That((int)reply.Status, status is null ? Is.EqualTo(200).Or.EqualTo(201) : Is.EqualTo(status),
            reply.Text);
    }

    private Task<Reply> PostAsync(string path, string body, CancellationToken cancellationToken) =>
        _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/{path}", cancellationToken,
            body.Length == 0 ? null : Json(body));

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    /// <summary>Every GET endpoint of the document for everything there is, and every page.</summary>
    private async Task<IEnumerable<string>> PathsAsync(IReadOnlyList<Guid> jobs, CancellationToken cancellationToken)
    {
        string[] clusters = ["postgres", "down", "put", "put-down"];
        var document = (await _heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);
        var endpoints = document.Json.GetProperty("paths").EnumerateObject()
            .Where(path => path.Value.TryGetProperty("get", out _)).Select(path => path.Name)
            .SelectMany(path => path switch
            {
                _ when path.Contains("/deliveries/{id}", StringComparison.Ordinal) => [],
                // It never ends while a job waits.
                _ when path.Contains("/job/{id}/events", StringComparison.Ordinal) => [],
                _ when path.Contains("/job/{id}", StringComparison.Ordinal) =>
                    Fill(path, "{id}", jobs.Select(id => id.ToString())),
                _ when path.Contains("/command/", StringComparison.Ordinal) => Fill(path, "{id}", ["postgres-0.0.1"]),
                _ when path.Contains("/cluster/", StringComparison.Ordinal) => Fill(path, "{id}", clusters),
                _ when path.Contains("/schedule/", StringComparison.Ordinal) =>
                    Fill(path, "{id}", ["canary", "of-file"]),
                _ => [path],
            });
        var pages = AccessTable.AllPages.Where(page => page.Method == "GET").Select(page => $"/hangfire{page.Page}")
            .SelectMany(page => page switch
            {
                _ when page.Contains("{asset}", StringComparison.Ordinal) || page.Contains("{file}",
                    StringComparison.Ordinal)
                    || page.Contains("{page}", StringComparison.Ordinal) => [],
                _ when page.Contains("{id}", StringComparison.Ordinal) =>
                    Fill(page.Replace("{format}", "json", StringComparison.Ordinal), "{id}",
                        jobs.Select(id => id.ToString())),
                _ when page.Contains("{schedule}", StringComparison.Ordinal) =>
                    Fill(page, "{schedule}", ["canary", "of-file"]),
                _ when page.Contains("{cluster}", StringComparison.Ordinal) => Fill(page, "{cluster}", clusters),
                _ => [page.Replace("{command}", "postgres-0.0.1", StringComparison.Ordinal)],
            });
        var queueIds = await _heimdall.Store.ColumnAsync<long>("select id from hangfire.job", cancellationToken);
        return
        [
            "/", "/healthz", "/readyz", "/console", "/openapi/v1.json", "/hangfire", "/hangfire/servers",
                "/hangfire/recurring",
            "/hangfire/retries", "/hangfire/jobs/enqueued", "/hangfire/jobs/processing", "/hangfire/jobs/succeeded",
            "/hangfire/jobs/failed", "/hangfire/jobs/deleted", .. endpoints, .. pages,
            .. queueIds.Select(id => $"/hangfire/jobs/details/{id}"),
        ];

        static IEnumerable<string> Fill(string path, string place, IEnumerable<string> values) =>
            values.Select(value => path.Replace(place, value, StringComparison.Ordinal));
    }

    /// <summary>The command lines of all processes of the machine.</summary>
    private static string[] CommandLines() =>
    [
        .. Directory.GetDirectories("/proc").Where(folder => Path.GetFileName(folder).All(char.IsAsciiDigit))
            .Select(folder =>
            {
                try
                {
                    return File.ReadAllText(Path.Combine(folder, "cmdline"));
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    return ""; // it has ended
                }
            }),
    ];

    private object PublicKey()
    {
        using var shared = ECDsa.Create(_signer.ExportParameters(includePrivateParameters: false));
        var web = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(new ECDsaSecurityKey(shared));
        return new { kty = web.Kty, crv = web.Crv, x = web.X, y = web.Y, kid = "one", use = "sig" };
    }

    private string Token() => new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
    {
        Issuer = Issuer,
        Audience = "heimdall",
        Expires = DateTime.UtcNow.AddHours(1),
        Claims = new Dictionary<string, object> { ["email"] = "tom" },
        SigningCredentials = new(new ECDsaSecurityKey(_signer) { KeyId = "one" }, SecurityAlgorithms.EcdsaSha256),
    });
}
