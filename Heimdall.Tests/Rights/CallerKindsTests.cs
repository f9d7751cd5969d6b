using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Api.Callers;
using Heimdall.Tests.Api;
using Heimdall.Tests.Support;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>Who calls: keys that expire, tokens, headers of proxies, and too many wrong ones.</summary>
[CancelAfter(120_000)]
public sealed class CallerKindsTests
{
    private const string Issuer = "https://login.example.org/realm";

    private readonly ECDsa _ours = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _strangers = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly (string Key, string Hash) Alice = ApiKeyRing.Create();
    private static readonly (string Key, string Hash) AliceToo = ApiKeyRing.Create();
    private static readonly (string Key, string Hash) Old = ApiKeyRing.Create();

    private string _folder = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _folder = Directory.CreateTempSubdirectory("heimdall-keys-").FullName;
        var keys = Path.Combine(_folder, "jwks.json");
        await File.WriteAllTextAsync(keys, JsonSerializer.Serialize(new { keys = new[] { PublicKey(_ours) } }));
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with
            {
                Auth = $$"""
                    api_keys: [{user: alice, hash: "{{Alice.Hash}}", expires: 2951-01-31T12:00:00+01:00},
                      {user: alice, hash: "{{AliceToo.Hash}}"}, {user: alice, hash: "{{Old.Hash}}", expires: 2001-01-01T00:00:00Z}],
                    jwt: {keys_file: "{{keys}}", issuer: "{{Issuer}}", audience: heimdall, user_claim: email, roles_claim: may},
                    roles: [{role: operator, claims: {groups: dba}, cluster_tags: [data:local]}, {role: reader, users: ["a.*"], claims: {groups: dba} },
                      {role: admin, users: [alice]}]
                    """.ReplaceLineEndings(" "),
            },
            worker: false);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        _ours.Dispose();
        _strangers.Dispose();
    }

    [Test]
    public async Task Each_key_of_a_user_works_until_it_expires(CancellationToken cancellationToken)
    {
        var first = (await MeAsync(Alice.Key, cancellationToken)).AssertStatus(200);
        var second = (await MeAsync(AliceToo.Key, cancellationToken)).AssertStatus(200);

        Assert.That(first.Text, Is.EqualTo(
            """{"user":"alice","authenticated_by":"api_key","roles":["admin"],"scopes":[{"role":"admin"}],"key_expires_at":"2951-01-31T11:00:00.000Z"}"""));
        Assert.That(second.Text,
            Is.EqualTo("""{"user":"alice","authenticated_by":"api_key","roles":["admin"],"scopes":[{"role":"admin"}]}"""));
        (await MeAsync(Old.Key, cancellationToken)).AssertProblem(401, "has expired");
    }

    [Test]
    public async Task A_token_names_the_user_and_its_claims_give_roles(CancellationToken cancellationToken)
    {
        var dba = (await MeAsync(Token(Claims("anna@example.org", ("groups", new[] { "staff", "dba" }))),
            cancellationToken)).AssertStatus(200);
        var plain = (await MeAsync(Token(Claims("bob@example.org")), cancellationToken)).AssertStatus(200);
        var named = (await MeAsync(Token(Claims("bob@example.org", ("may", new[] { "reader", "dance" }))),
            cancellationToken)).AssertStatus(200);
        var only = (await MeAsync(Token(Claims("bob@example.org", ("groups", "dba"))), cancellationToken))
            .AssertStatus(200);

        Assert.That(dba.Text, Is.EqualTo(
            """{"user":"anna@example.org","authenticated_by":"jwt","roles":["reader","operator"],"scopes":[{"role":"operator","cluster_tags":["data:local"]},{"role":"reader"}]}"""));
        Assert.That(plain.Text, Does.Contain("\"roles\":[\"submitter\"]"), "the default");
        Assert.That(named.Text, Does.Contain("\"roles\":[\"reader\"]"));
        Assert.That(only.Text, Does.Contain("\"roles\":[\"operator\"]"), "users and claims must both fit");
    }

    [Test]
    public async Task A_token_runs_jobs_as_its_user(CancellationToken cancellationToken)
    {
        var job = await _heimdall.PostJobAsync(CallerTests.Job, cancellationToken,
            Bearer(Token(Claims("bob@example.org"))));

        Assert.That(job.AssertStatus(200)["user"], Is.EqualTo("bob@example.org"));
    }

    [Test]
    public async Task A_token_that_is_not_whole_is_refused(CancellationToken cancellationToken)
    {
        var now = DateTime.UtcNow;
        var secret = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(PublicKey(_ours)).PadRight(64)));
        (string Name, string Token, string Why)[] cases =
        [
            ("expired", Token(Claims("a"), expires: now.AddHours(-1)), "has expired"),
            ("without an end", Token(Claims("a"), expires: DateTime.MinValue), "never expires"),
            ("not yet valid", Token(Claims("a"), notBefore: now.AddHours(1), expires: now.AddHours(2)),
                "not valid yet"),
            ("of another audience", Token(Claims("a"), audience: "other"), "another audience"),
            ("of another issuer", Token(Claims("a"), issuer: "https://evil.example"), "another issuer"),
            ("signed by a stranger", Token(Claims("a"), credentials: Sign(_strangers)), "is not valid"),
            ("signed with a shared secret",
                Token(Claims("a"), credentials: new(secret, SecurityAlgorithms.HmacSha256)), "is not valid"),
            ("unsigned", Unsigned(Claims("a")), "is not valid"),
            ("changed", Token(Claims("a"))[..^8] + "AAAAAAAA", "is not valid"),
            ("no token", "a.b.c", "is not valid"),
            ("without a user", Token(new() { ["sub"] = "a" }), "does not name one user"),
            ("with two users", Token(new() { ["email"] = new[] { "a", "b" } }), "does not name one user"),
            ("with a line break", Token(Claims("a\nb")), "does not name one user"),
            ("of the file's schedules", Token(Claims("scheduler")), "is Heimdall's own"),
            ("of jobs without a user", Token(Claims("Anonymous")), "is Heimdall's own"),
        ];

        foreach (var (name, token, why) in cases)
        {
            var reply = await MeAsync(token, cancellationToken,
                from: 100 + Array.FindIndex(cases, one => one.Name == name));
            Assert.That((int)reply.Status, Is.EqualTo(401), $"{name}: {reply.Text}");
            Assert.That(reply["detail"], Does.Contain(why), name);
            Assert.That(reply.Text, Does.Not.Contain(token), name);
        }
    }

    [TestCase("heimdall:role", "heimdall:key_expires")]
    [TestCase("Heimdall:Role", "HEIMDALL:KEY_EXPIRES")]
    public async Task A_claim_in_a_token_cannot_pass_for_one_of_ours(
        string role, string expires, CancellationToken cancellationToken)
    {
        var claims = Claims("bob@example.org", (role, "admin"), (expires, "never"));

        var reply = (await MeAsync(Token(claims), cancellationToken)).AssertStatus(200);

        Assert.That(reply.Text, Is.EqualTo(
            """{"user":"bob@example.org","authenticated_by":"jwt","roles":["submitter"],"scopes":[{"role":"submitter"}]}"""));
    }

    [Test]
    public async Task Too_many_wrong_credentials_of_an_address_are_refused_and_right_ones_pass(
        CancellationToken cancellationToken)
    {
        const int Host = 50;
        for (var i = 0; i < WrongCredentials.MostPerWindow; i++)
        {
            (await MeAsync("hk_wrong", cancellationToken, Host)).AssertProblem(401);
        }

        var refused = await MeAsync("hk_wrong", cancellationToken, Host);

        refused.AssertProblem(429, "wrong credentials");
        Assert.That(int.Parse(refused.Header("Retry-After")!, CultureInfo.InvariantCulture), Is.InRange(1, 60));
        Assert.That(refused.Header("RateLimit-Policy"), Is.EqualTo("\"wrong-credentials\";q=20;w=60"));
        Assert.That(
            refused.Header("RateLimit"),
            Is.EqualTo($"\"wrong-credentials\";r=0;t={refused.Header("Retry-After")}"));
        (await MeAsync(Alice.Key, cancellationToken, Host)).AssertStatus(200);
        (await MeAsync("hk_wrong", cancellationToken, Host + 1)).AssertProblem(401);
        (await MeAsync(null, cancellationToken, Host)).AssertProblem(401, "needs an API key or a token");
    }

    [Test]
    public void The_addresses_that_are_kept_are_bounded()
    {
        using var wrong = new WrongCredentials();

        for (var i = 0; i < 25_000; i++)
        {
            wrong.Count(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]));
        }

        Assert.That(wrong.Kept, Is.EqualTo(10_000));
    }

    [Test]
    public void Addresses_of_one_network_of_version_6_are_one()
    {
        using var wrong = new WrongCredentials();

        for (var i = 1; i <= WrongCredentials.MostPerWindow; i++)
        {
            Assert.That(wrong.Count(IPAddress.Parse($"2001:db8:0:1::{i}")), Is.Null);
        }

        Assert.That(wrong.Count(IPAddress.Parse("2001:db8:0:1::ffff")), Is.Not.Null);
        Assert.That(wrong.Count(IPAddress.Parse("2001:db8:0:2::1")), Is.Null);
        Assert.That(wrong.Count(IPAddress.Parse("::ffff:192.0.2.1")), Is.Null);
    }

    [Test]
    public async Task A_header_is_taken_from_the_proxies_that_are_listed_and_names_one_user(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = "header: X-User, trusted_proxies: [127.0.0.1, 127.1.0.0/24]" },
                worker: false);

        var proxied = await SendAsync(heimdall, from: 0, cancellationToken, ("X-User", "carol"));
        var foreign = await SendAsync(heimdall, from: 250, cancellationToken, ("X-User", "carol"));
        var twice = await SendAsync(heimdall, from: 0, cancellationToken, ("X-User", "carol"), ("X-User", "mallory"));
        var ours = await SendAsync(heimdall, from: 0, cancellationToken, ("X-User", "dashboard"));
        var none = await SendAsync(heimdall, from: 0, cancellationToken);
        var (_, repeated) = await RawRequest.SendAsync(
            heimdall.Address, "GET", "/api/v1/me", "", cancellationToken, "X-User: carol", "X-User: carol");

        Assert.That(proxied.AssertStatus(200).Text, Is.EqualTo(
            """{"user":"carol","authenticated_by":"header","roles":["submitter"],"scopes":[{"role":"submitter"}]}"""));
        foreign.AssertProblem(401, "auth.trusted_proxies");
        twice.AssertProblem(401, "must be there once");
        ours.AssertProblem(401, "is Heimdall's own");
        Assert.That(repeated, Does.StartWith("HTTP/1.1 401").And.Contain("must be there once"));
        none.AssertProblem(401, "X-User");
    }

    [Test]
    public void Proxies_that_cannot_be_read_are_not_taken_for_everybody() =>
        Assert.That(
            () => new ProxyAddresses(new() { TrustedProxies = ["proxy"] }),
            Throws.InvalidOperationException.With.Message.Contains("proxy is no address"));

    [Test]
    public async Task A_server_without_auth_takes_its_machine_for_an_admin(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);

        var me = await heimdall.SendAsync(HttpMethod.Get, "/api/v1/me", cancellationToken,
            headers: ("X-Heimdall-User", "dave"));

        Assert.That(me.Text,
            Is.EqualTo("""{"user":"dave","authenticated_by":"loopback","roles":["admin"],"scopes":[{"role":"admin"}]}"""));
    }

    [TestCase("""{"keys": []}""", "holds no key")]
    [TestCase("no json", "is no JSON Web Key Set")]
    [TestCase("""{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}""", "neither RSA nor EC")]
    public void A_key_set_that_is_not_right_is_told_of(string text, string problem)
    {
        var file = Path.Combine(_folder, $"{Guid.NewGuid()}.json");
        File.WriteAllText(file, text);
        var config = new Heimdall.Core.Configuration.HeimdallConfig { Auth = new() { Jwt = new() { KeysFile = file } } };

        var found = JwtSetup.FindProblems(config).Single();

        Assert.That(found.Path, Is.EqualTo("auth.jwt.keys_file"));
        Assert.That(found.Message, Does.Contain(problem));
    }

    [Test]
    public void A_key_set_with_a_private_key_is_told_of()
    {
        var key = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(new ECDsaSecurityKey(_ours));
        var file = Path.Combine(_folder, "private.json");
        File.WriteAllText(file,
            JsonSerializer.Serialize(new
            {
                keys = new[] { new { kty = key.Kty, crv = key.Crv, x = key.X, y = key.Y,
            d = key.D } }
            }));
        var config = new Heimdall.Core.Configuration.HeimdallConfig { Auth = new() { Jwt = new() { KeysFile = file } } };

        Assert.That(JwtSetup.FindProblems(config).Single().Message, Does.Contain("or a private one"));
    }

    private Task<Reply> MeAsync(string? token, CancellationToken cancellationToken, int from = 0) =>
        SendAsync(_heimdall, from, cancellationToken, token is null ? [] : [Bearer(token)]);

    private static async Task<Reply> SendAsync(
        HeimdallInstance heimdall, int from, CancellationToken cancellationToken,
            params (string Name, string Value)[] headers)
    {
        using var handler = LocalAddress.Handler(from);
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(heimdall.Address, "/api/v1/me"));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        using var reply = await client.SendAsync(request, cancellationToken);
        return await Reply.ReadAsync(reply, cancellationToken);
    }

    private static (string Name, string Value) Bearer(string token) =>
        ("Authorization", new AuthenticationHeaderValue("Bearer", token).ToString());

    private static Dictionary<string, object> Claims(string user, params (string Name, object Value)[] more) =>
        more.Append(("email", user)).ToDictionary(claim => claim.Item1, claim => claim.Item2);

    private static SigningCredentials Sign(ECDsa key) =>
        new(new ECDsaSecurityKey(key) { KeyId = "one" }, SecurityAlgorithms.EcdsaSha256);

    private string Token(
        Dictionary<string, object> claims, string issuer = Issuer, string audience = "heimdall",
            DateTime? notBefore = null,
        DateTime? expires = null, SigningCredentials? credentials = null)
    {
        var handler = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false };
        return handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            NotBefore = notBefore,
            Expires = expires == DateTime.MinValue ? null : expires ?? DateTime.UtcNow.AddHours(1),
            Claims = claims,
            SigningCredentials = credentials ?? Sign(_ours),
        });
    }

    private static string Unsigned(Dictionary<string, object> claims)
    {
        claims["iss"] = Issuer;
        claims["aud"] = "heimdall";
        claims["exp"] = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
        return $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""")}.{Base64UrlEncoder.Encode(JsonSerializer.Serialize(claims))}.";
    }

    private static object PublicKey(ECDsa key)
    {
        var web = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(new ECDsaSecurityKey(ECDsa.Create(key.ExportParameters(includePrivateParameters: false))));
        return new { kty = web.Kty, crv = web.Crv, x = web.X, y = web.Y, kid = "one", use = "sig" };
    }
}
