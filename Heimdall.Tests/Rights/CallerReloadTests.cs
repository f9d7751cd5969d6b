using System.Net.Http.Headers;
using Heimdall.Api.Callers;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>Keys and roles that change in the configuration file of a running server.</summary>
[CancelAfter(120_000)]
public sealed class CallerReloadTests
{
    private static readonly (string Key, string Hash) Alice = ApiKeyRing.Create();
    private static readonly (string Key, string Hash) Bob = ApiKeyRing.Create();
    private static readonly (string Key, string Hash) Carol = ApiKeyRing.Create();

    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with { Auth = Keys(("alice", Alice.Hash), ("bob", Bob.Hash)) }, worker: false);

    [TearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_key_that_is_taken_out_is_refused_and_a_new_one_is_accepted(CancellationToken cancellationToken)
    {
        (await MeAsync(Bob.Key, cancellationToken)).AssertStatus(200);

        Write(Keys(("alice", Alice.Hash), ("carol", Carol.Hash)) + ", roles: [{role: reader, users: [alice]}]");

        await Eventually.Becomes(
            async () => (int)(await MeAsync(Bob.Key, cancellationToken)).Status, () => Is.EqualTo(401), cancellationToken);
        (await MeAsync(Carol.Key, cancellationToken)).AssertStatus(200);
        var alice = (await MeAsync(Alice.Key, cancellationToken)).AssertStatus(200);
        Assert.That(alice.Text, Does.Contain("\"roles\":[\"reader\"]"));
    }

    [Test]
    public async Task Who_watches_a_job_with_a_key_that_is_taken_out_is_sent_away(CancellationToken cancellationToken)
    {
        var job = (await _heimdall.PostJobAsync(
            """{"name":"waits","command_criteria":["type:postgres"],"cluster_criteria":["_id:postgres"],"context":{"query":"select 1"}}""",
            cancellationToken, Bearer(Bob.Key))).AssertStatus(202);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/job/{job["id"]}/events");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Bob.Key);
        using var events = await _heimdall.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        Assert.That((int)events.StatusCode, Is.EqualTo(200));

        Write(Keys(("alice", Alice.Hash)));

        var told = await events.Content.ReadAsStringAsync(cancellationToken); // to the end of the reply
        Assert.That(told, Does.Contain("event: status").And.Not.Contain("event: end"));
    }

    [Test]
    public async Task Who_waits_for_a_job_goes_on_waiting(CancellationToken cancellationToken)
    {
        var waiting = _heimdall.PostJobAsync(
            """{"name":"waits","command_criteria":["type:postgres"],"cluster_criteria":["_id:postgres"],"context":{"query":"select 1"}}""",
            cancellationToken, Bearer(Alice.Key), ("Prefer", "wait=8"));

        Write(Keys(("alice", Alice.Hash)));
        await LogsAsync("The configuration file has changed", cancellationToken);

        Assert.That(waiting.IsCompleted, Is.False);
        (await waiting).AssertStatus(202); // no worker runs it
    }

    [Test]
    public async Task The_hash_in_a_file_that_is_replaced_counts(CancellationToken cancellationToken)
    {
        var file = Path.Combine(_heimdall.SqlDirectory, "hash");
        await File.WriteAllTextAsync(file, Carol.Hash, cancellationToken);
        Write(Keys(("alice", Alice.Hash), ("bob", $"${{file:{file}}}")));
        await LogsAsync("The configuration file has changed", cancellationToken);

        await File.WriteAllTextAsync(file, "", cancellationToken);
        await LogsAsync("The changed configuration file is not used", cancellationToken);
        (await MeAsync(Carol.Key, cancellationToken)).AssertStatus(200);
        await File.WriteAllTextAsync(file, Bob.Hash, cancellationToken);

        await Eventually.Becomes(
            async () => (int)(await MeAsync(Carol.Key, cancellationToken)).Status, () => Is.EqualTo(401), cancellationToken);
        Assert.That((await MeAsync(Bob.Key, cancellationToken)).AssertStatus(200).Text, Does.Contain("\"user\":\"bob\""));
    }

    [TestCase("api_keys: [{user: alice, hash: wrong}]", "auth.api_keys[0].hash")]
    [TestCase("api_keys: []", "needs api_keys, header, jwt or oidc")]
    [TestCase("", "does not open itself to everybody")]
    public async Task A_file_that_cannot_be_used_leaves_keys_as_they_are(
        string auth, string why, CancellationToken cancellationToken)
    {
        Write(auth);

        await LogsAsync("The changed configuration file is not used", cancellationToken);
        await LogsAsync(why, cancellationToken);
        (await MeAsync(Bob.Key, cancellationToken)).AssertStatus(200);
        (await _heimdall.SendAsync(HttpMethod.Get, "/api/v1/me", cancellationToken)).AssertProblem(401);
    }

    [Test]
    public async Task A_sign_in_that_is_added_counts_from_the_next_start(CancellationToken cancellationToken)
    {
        Write(Keys(("alice", Alice.Hash)) + ", oidc: {authority: \"https://login.example\", client_id: heimdall}");
        await LogsAsync("auth.oidc has changed", cancellationToken);

        var me = await _heimdall.SendAsync(
            HttpMethod.Get, "/api/v1/me", cancellationToken, headers: ("Cookie", "heimdall_session=x"));
        var document = await _heimdall.SendAsync(
            HttpMethod.Get, "/openapi/v1.json", cancellationToken, headers: Bearer(Alice.Key));

        me.AssertProblem(401, "needs an API key");
        Assert.That(
            document.AssertStatus(200).Json.GetProperty("components").GetProperty("securitySchemes")
                .EnumerateObject().Select(scheme => scheme.Name),
            Is.EquivalentTo(new[] { "bearer", "api_key", "basic" }));
    }

    [Test]
    public async Task A_token_that_cannot_be_checked_is_not_called_wrong(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = $"jwt: {{authority: \"https://127.0.0.1:{FreePort.Find()}/realm\", audience: heimdall}}" },
            worker: false);
        const string Token = "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9uZSJ9.eyJzdWIiOiJhIiwiYXVkIjoiaGVpbWRhbGwiLCJleHAiOjQxMDI0NDQ4MDB9.c2ln";

        for (var i = 0; i <= WrongCredentials.MostPerWindow; i++)
        {
            var reply = await heimdall.SendAsync(HttpMethod.Get, "/api/v1/me", cancellationToken, headers: Bearer(Token));
            reply.AssertProblem(503, "identity provider");
            Assert.That(reply.Header("Retry-After"), Is.EqualTo("10"));
        }
    }

    private static string Keys(params (string User, string Hash)[] keys) =>
        $"api_keys: [{string.Join(", ", keys.Select(key => $"{{user: {key.User}, hash: \"{key.Hash}\"}}"))}]";

    private static (string Name, string Value) Bearer(string key) => ("Authorization", $"Bearer {key}");

    private Task LogsAsync(string text, CancellationToken cancellationToken) =>
        Eventually.Is(() => Task.FromResult(_heimdall.Logs.Any(log => log.Contains(text))), cancellationToken);

    private void Write(string auth) => _heimdall.Configure(config => config with { Auth = auth });

    private Task<Reply> MeAsync(string key, CancellationToken cancellationToken) =>
        _heimdall.SendAsync(HttpMethod.Get, "/api/v1/me", cancellationToken, headers: Bearer(key));
}
