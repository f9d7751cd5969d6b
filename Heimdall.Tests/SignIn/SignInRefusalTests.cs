using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Api.Callers;
using Heimdall.Api.SignIn;
using Heimdall.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;
using NUnit.Framework;

namespace Heimdall.Tests.SignIn;

/// <summary>Sign-ins that are refused: nobody is known afterwards, and the audit says why.</summary>
[CancelAfter(120_000)]
public sealed class SignInRefusalTests
{
    private static readonly (string Key, string Hash) Alice = ApiKeyRing.Create();

    private OpenIdProvider _provider = null!;
    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start()
    {
        _provider = await OpenIdProvider.StartAsync();
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = Auth(_provider.Config()), Logging = "levels: {default: trace}" },
            worker: false);
    }

    [TearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Test]
    public async Task A_token_that_is_not_for_this_sign_in_is_refused(CancellationToken cancellationToken)
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        (string Reason, string Name, Action<Dictionary<string, object>>? Change,
            Func<Dictionary<string, object>, string>? Make)[] cases =
        [
            ("nonce", "of another sign-in", claims => claims["nonce"] = "another", null),
            ("nonce", "without a nonce", claims => claims.Remove("nonce"), null),
            ("audience", "for another client", claims => claims["aud"] = "another", null),
            ("issuer", "of another provider", claims => claims["iss"] = "https://evil.example", null),
            ("time", "expired", claims => (claims["iat"], claims["exp"]) = (now - 900, now - 600), null),
            ("time", "not valid yet", claims => (claims["nbf"], claims["exp"]) = (now + 600, now + 900), null),
            ("time", "without an end", claims => claims.Remove("exp"), null),
            ("token", "signed by a stranger", null, claims => _provider.Sign(claims, stranger)),
            ("token", "unsigned", null, claims => $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""")}."
                + $"{Base64UrlEncoder.Encode(JsonSerializer.Serialize(claims))}."),
            ("token", "signed with the secret of the client", null, SignedWithSecret),
            ("user", "without a user", claims => claims["sub"] = "", null),
            ("user", "of Heimdall's own", claims => claims["sub"] = "Scheduler", null),
            ("user", "with a line end", claims => claims["sub"] = "a\nb", null),
        ];
        foreach (var (reason, name, change, make) in cases)
        {
            (_provider.Change, _provider.Make) = (change, make);
            using var browser = NewBrowser();
            var before = await CountRefusedAsync(reason, cancellationToken);

            var reply = await browser.SignInAsync("alice", cancellationToken);

            await AssertRefusedAsync(browser, reply, reason, name, cancellationToken);
            Assert.That(await CountRefusedAsync(reason, cancellationToken), Is.EqualTo(before + 1), name);
        }
    }

    [Test]
    public async Task A_reply_that_belongs_to_no_sign_in_of_this_browser_is_refused(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var callback = await browser.BeginAsync("alice", cancellationToken);
        using var other = NewBrowser();
        var foreign = await other.GetAsync(callback, cancellationToken);
        await AssertRefusedAsync(other, foreign, "state", "of another browser", cancellationToken);

        (await browser.GetAsync(callback, cancellationToken)).AssertStatus(302);
        Assert.That(browser.Session, Is.Not.Null, "the right browser, once");
        browser.Session = null;
        var replayed = await browser.GetAsync(callback, cancellationToken);
        await AssertRefusedAsync(browser, replayed, "state", "replayed", cancellationToken);

        foreach (var query in new[]
        {
            "", "?code=x", "?state=x&code=x", "?error=server_error", $"?code=x&state={new string('A', 500)}",
        })
        {
            using var none = NewBrowser();
            var reply = await none.GetAsync($"/signin-oidc{query}", cancellationToken);
            await AssertRefusedAsync(none, reply, "state", query, cancellationToken);
        }
    }

    [Test]
    public async Task A_code_that_the_provider_does_not_take_is_refused(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var callback = await browser.BeginAsync("alice", cancellationToken);

        var reply = await browser.GetAsync(
            callback.Replace("code=", "code=0", StringComparison.Ordinal), cancellationToken);

        await AssertRefusedAsync(browser, reply, "provider", "wrong code", cancellationToken);
    }

    [Test]
    public async Task A_form_from_the_provider_is_refused(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var callback = new Uri(await browser.BeginAsync("alice", cancellationToken));

        var reply = await browser.SendAsync(
            "POST", "/signin-oidc", cancellationToken,
            new StringContent(callback.Query[1..], Encoding.UTF8, "application/x-www-form-urlencoded"),
            ("Origin", _provider.Authority), ("Sec-Fetch-Site", "cross-site"));

        reply.AssertProblem(403, "another site");
        var own = await browser.PostAsync(
            "/signin-oidc", cancellationToken,
            new FormUrlEncodedContent(Enumerable.Range(0, 2000).Select(i => KeyValuePair.Create($"f{i}", "x"))));
        own.AssertProblem(405, "It takes GET");
        Assert.That(browser.Session, Is.Null);
    }

    [Test]
    public async Task No_request_to_the_sign_in_is_a_fault_of_the_server(CancellationToken cancellationToken)
    {
        string[] methods = ["GET", "GET", "GET", "POST", "PUT", "HEAD", "OPTIONS"];
        string[] paths =
            ["/signin", "/signin/start", "/signin/key", "/signout", "/signin-oidc", "/signout-callback-oidc"];
        string[] names = ["return", "problem", "code", "state", "error", "id_token", "session_state", "x"];
        string[] texts =
        [
            "", "x", "/hangfire", "?", "/hangfire/é?é", "//evil.example", "a.b.c", "eyJhbGciOiJub25lIn0.e30.",
            "%00", "%", "état", "state", "\u202e", new string('A', 3000), "access_denied", "CfDJ8AAAA", "<script>",
        ];
        var answers = new HashSet<int>();
        for (var round = 0; round < 300; round++)
        {
            var random = new Random(Fuzzing.Seed + round);
            string Pick(string[] items) => items[random.Next(items.Length)];
            var query = string.Join('&', Enumerable.Range(0, random.Next(4))
                .Select(_ => $"{Pick(names)}={Uri.EscapeDataString(Pick(texts))}"));
            using var browser = NewBrowser();
            browser.Session = random.Next(3) == 0 ? Uri.EscapeDataString(Pick(texts)) : null;

            var (method, path) = (Pick(methods), $"{Pick(paths)}?{query}");
            var reply = await browser.SendAsync(
                method, path, cancellationToken, null, ("Sec-Fetch-Site", Pick(["same-origin", "none", "cross-site"])));

            answers.Add((int)reply.Status);
            Assert.That((int)reply.Status, Is.LessThan(500), $"HEIMDALL_SEED={Fuzzing.Seed + round}: {method} {path}");
        }
        Assert.That(answers, Is.SupersetOf(new[] { 200, 302, 403, 405 }));
    }

    [Test]
    public async Task A_sign_in_that_takes_too_long_is_refused(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var callback = await browser.BeginAsync("alice", cancellationToken);
        await _heimdall.StopApiAsync();
        await _heimdall.StartApiAsync(new SkewedClock(TimeSpan.FromMinutes(16)));

        var late = await browser.GetAsync(callback, cancellationToken);

        await AssertRefusedAsync(browser, late, "state", "late", cancellationToken);
    }

    [Test]
    public async Task Whom_the_provider_refuses_is_told_so(CancellationToken cancellationToken)
    {
        _provider.IsDenying = true;
        using var browser = NewBrowser();

        var reply = await browser.SignInAsync("alice", cancellationToken);

        await AssertRefusedAsync(browser, reply, "denied", "denied", cancellationToken);
    }

    [Test]
    public async Task A_provider_that_is_away_is_told_of_in_a_sentence_and_sessions_go_on(
        CancellationToken cancellationToken)
    {
        using var early = NewBrowser();
        await _provider.StopAsync();
        var unknown = await early.OpenAsync("/signin/start", cancellationToken);
        Assert.That((int)unknown.Status, Is.EqualTo(503));
        Assert.That(unknown.Text, Does.Contain("The identity provider does not answer").And.Contain("Use an API key"));
        Assert.That(unknown.Header("Retry-After"), Is.EqualTo("10"));

        await _provider.StartAgainAsync();
        await early.SignInAsync("alice", cancellationToken);
        using var late = NewBrowser();
        var callback = await late.BeginAsync("alice", cancellationToken);
        await _provider.StopAsync();
        var refused = await late.GetAsync(callback, cancellationToken);

        await AssertRefusedAsync(late, refused, "provider", "away", cancellationToken);
        (await early.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        (await early.PostAsync("/signout", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task A_key_that_the_provider_has_changed_is_found(CancellationToken cancellationToken)
    {
        using var before = NewBrowser();
        await before.SignInAsync("alice", cancellationToken);
        _provider.RotateKey();

        await Eventually.Becomes(
            async () =>
            {
                using var after = NewBrowser();
                await after.SignInAsync("alice", cancellationToken);
                return after.Session;
            },
            () => Is.Not.Null,
            cancellationToken);

        (await before.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task Two_tabs_both_come_to_their_pages(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var first = await browser.BeginAsync("alice", cancellationToken, "/hangfire/sql/jobs");
        var second = await browser.BeginAsync("alice", cancellationToken, "/console");

        var one = (await browser.GetAsync(first, cancellationToken)).AssertStatus(302);
        var two = (await browser.GetAsync(second, cancellationToken)).AssertStatus(302);

        Assert.That(one.Header("Location"), Is.EqualTo("/hangfire/sql/jobs"));
        Assert.That(two.Header("Location"), Is.EqualTo("/console"));
        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task Too_many_refused_sign_ins_of_an_address_are_not_recorded(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        for (var i = 0; i < WrongCredentials.MostPerWindow; i++)
        {
            await browser.GetAsync("/signin-oidc?state=x", cancellationToken);
        }

        var reply = await browser.GetAsync("/signin-oidc?state=x", cancellationToken);

        Assert.That(reply.Header("Location"), Is.EqualTo("/signin?problem=too-many"));
        Assert.That(await CountRefusedAsync("state", cancellationToken), Is.EqualTo(WrongCredentials.MostPerWindow));
        await browser.SignInAsync("alice", cancellationToken);
        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
    }

    [TestCase("code=0")]
    [TestCase("error=server_error&x=")]
    public async Task Too_many_useless_replies_are_neither_recorded_nor_asked_about(
        string reply, CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var callback = (await browser.BeginAsync("alice", cancellationToken))
            .Replace("code=", reply, StringComparison.Ordinal);
        Reply? last = null;
        for (var i = 0; i < WrongCredentials.MostPerWindow + 5; i++)
        {
            using var replayed = browser.CopyFor(_heimdall.Address); // which keeps cookies that the browser has to drop
            last = await replayed.GetAsync(callback, cancellationToken);
        }

        Assert.That(last!.Header("Location"), Is.EqualTo("/signin?problem=too-many"));
        Assert.That(
            await CountRefusedAsync("provider", cancellationToken), Is.EqualTo(WrongCredentials.MostPerWindow));
        Assert.That(
            _provider.Requests.Count(request => request.StartsWith("POST /token", StringComparison.Ordinal)),
            Is.EqualTo(reply.StartsWith("code", StringComparison.Ordinal) ? WrongCredentials.MostPerWindow : 0));
    }

    [Test]
    public async Task A_fault_of_the_provider_is_held_against_nobody(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        _provider.IsFailing = true;
        for (var i = 0; i < WrongCredentials.MostPerWindow + 5; i++)
        {
            var reply = await browser.SignInAsync("alice", cancellationToken);
            Assert.That(reply.Header("Location"), Is.EqualTo("/signin?problem=provider"));
        }

        _provider.IsFailing = false;
        await browser.SignInAsync("alice", cancellationToken);

        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task A_token_that_is_too_long_is_refused(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        _provider.Claims["groups"] = Enumerable.Range(0, 3000).Select(_ => Guid.NewGuid().ToString()).ToArray();

        var reply = await browser.SignInAsync("alice", cancellationToken);

        await AssertRefusedAsync(browser, reply, "user", "too long", cancellationToken);
    }

    [TestCase("https://evil.example/")]
    [TestCase("//evil.example")]
    [TestCase("/\\evil.example")]
    [TestCase("/hangfire\\..\\..\\evil")]
    [TestCase("/hangfire/../signout")]
    [TestCase("/hangfire/%2e%2e/api/v1/me")]
    [TestCase("\t/hangfire")]
    [TestCase("/hangfire\r\nLocation: https://evil.example")]
    [TestCase("javascript:alert(1)")]
    [TestCase("/signin/start")]
    [TestCase("/api/v1/me")]
    [TestCase("/hangfireevil")]
    [TestCase("/hangfire/é")]
    [TestCase("?/hangfire")]
    [TestCase("#")]
    [TestCase("hangfire")]
    [TestCase("")]
    public async Task Nobody_is_sent_elsewhere_after_a_sign_in(string wanted, CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();

        var reply = (await browser.SignInAsync("alice", cancellationToken, wanted)).AssertStatus(302);
        var page = (await browser.OpenAsync($"/signin?return={Uri.EscapeDataString(wanted)}", cancellationToken))
            .AssertStatus(200);

        Assert.That(reply.Header("Location"), Is.EqualTo("/hangfire"));
        Assert.That(page.Text, Does.Contain("href=\"/hangfire\"").And.Not.Contain("evil"));
    }

    [TestCase("/hangfire")]
    [TestCase("/hangfire/sql/jobs?name=a&status=FAILED")]
    [TestCase("/console?sql=select%201%3B")]
    [TestCase("/docs/")]
    public void A_page_of_this_server_is_gone_back_to(string wanted)
    {
        var request = new DefaultHttpContext().Request;
        request.QueryString = QueryString.Create(SignInPages.Return, wanted);

        Assert.That(SignInPages.ReadReturn(request), Is.EqualTo(wanted));
    }

    [Test]
    public async Task Who_has_a_key_uses_it_in_the_browser_as_before(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var page = await browser.OpenAsync("/signin?return=/hangfire/sql/jobs", cancellationToken);
        Assert.That(page.Text, Does.Contain("/signin/key?return=%2Fhangfire%2Fsql%2Fjobs"));

        var asked = await browser.OpenAsync("/signin/key?return=/hangfire/sql/jobs", cancellationToken);
        var basic = ("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"any:{Alice.Key}"))}");
        var taken = await browser.GetAsync("/signin/key?return=/hangfire/sql/jobs", cancellationToken, basic);
        var again = await browser.OpenAsync("/hangfire/sql/jobs", cancellationToken);
        var jobs = await browser.GetAsync("/hangfire/sql/jobs", cancellationToken, basic);

        Assert.That(asked.AssertStatus(401).Header("WWW-Authenticate"), Does.StartWith("Basic "));
        Assert.That(taken.AssertStatus(302).Header("Location"), Is.EqualTo("/hangfire/sql/jobs"));
        Assert.That(again.AssertStatus(401).Header("WWW-Authenticate"), Does.StartWith("Basic "));
        Assert.That(jobs.AssertStatus(200).Text, Does.Contain("by API key").And.Not.Contain("Sign out"));
    }

    [Test]
    public async Task A_key_is_chosen_by_its_owner_only(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("alice", cancellationToken);
        await browser.OpenAsync("/signin/key", cancellationToken);
        using var lured = NewBrowser();
        await lured.GetAsync(
            "/signin/key", cancellationToken, ("X-Api-Key", Alice.Key), ("Sec-Fetch-Site", "cross-site"));
        using var own = NewBrowser();
        await own.GetAsync(
            "/signin/key", cancellationToken, ("X-Api-Key", Alice.Key), ("Sec-Fetch-Site", "same-origin"));

        Assert.That(browser.Cookies.Keys, Has.None.EqualTo("heimdall_key"));
        Assert.That(lured.Cookies.Keys, Has.None.EqualTo("heimdall_key"));
        Assert.That(own.Cookies.Keys, Has.One.EqualTo("heimdall_key"));
    }

    [Test]
    public async Task A_wrong_key_is_wrong_beside_a_right_cookie(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("alice", cancellationToken);

        var wrong = await browser.GetAsync("/api/v1/me", cancellationToken, ("Authorization", "Bearer hk_wrong"));
        var right = await browser.GetAsync(
            "/api/v1/me", cancellationToken, ("Authorization", $"Bearer {Alice.Key}"));

        wrong.AssertProblem(401, "does not know the API key");
        Assert.That(right.AssertStatus(200)["authenticated_by"], Is.EqualTo("api_key"));
    }

    [Test]
    public async Task The_secret_of_the_client_is_shown_nowhere(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        var replies = new List<Reply>
        {
            await browser.OpenAsync("/signin", cancellationToken),
            await browser.GetAsync("/signin/start", cancellationToken),
            await browser.SignInAsync("alice", cancellationToken),
            await browser.GetAsync("/signin-oidc?code=1&state=1", cancellationToken),
        };
        await _provider.StopAsync();
        replies.Add(await browser.GetAsync("/openapi/v1.json", cancellationToken));
        var token = _provider.Requests;

        Assert.That(replies.Select(reply => $"{reply.Headers}{reply.Text}"),
            Has.None.Contains(OpenIdProvider.ClientSecret));
        Assert.That(_heimdall.Logs, Has.None.Contains(OpenIdProvider.ClientSecret).And.None.Contains("eyJ"));
        Assert.That(token, Has.None.Contains(OpenIdProvider.ClientSecret), "nor in an address");
    }

    private async Task AssertRefusedAsync(
        SignInClient browser, Reply reply, string reason, string name, CancellationToken cancellationToken)
    {
        Assert.That((int)reply.Status, Is.EqualTo(302), $"{name}: {reply.Text}");
        Assert.That(reply.Header("Location"), Is.EqualTo($"/signin?problem={reason}"), name);
        Assert.That(browser.Session, Is.Null, name);
        var page = (await browser.OpenAsync(reply.Header("Location")!, cancellationToken)).AssertStatus(200);
        Assert.That(page.Text, Does.Contain("role=\"alert\"").And.Contain("Sign in with the identity provider"), name);
        Assert.That(await CountRefusedAsync(reason, cancellationToken), Is.AtLeast(1), name);
        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
    }

    private Task<long> CountRefusedAsync(string reason, CancellationToken cancellationToken) =>
        _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.audit where target = $1 and outcome = 'REFUSED' and address is not null",
            cancellationToken, $"sign-in/{reason}");

    private static string SignedWithSecret(Dictionary<string, object> claims)
    {
        var text = $"{Base64UrlEncoder.Encode("""{"alg":"HS256","typ":"JWT"}""")}."
            + Base64UrlEncoder.Encode(JsonSerializer.Serialize(claims));
        var key = Encoding.UTF8.GetBytes(OpenIdProvider.ClientSecret);
        return $"{text}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(text)))}";
    }

    private static string Auth(string oidc) =>
        $"api_keys: [{{user: alice, hash: \"{Alice.Hash}\"}}], oidc: {{ {oidc} }}, "
        + "roles: [{role: admin, users: [alice]}]";

    private SignInClient NewBrowser() => new(_heimdall.Address);
}
