using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.SignIn;

/// <summary>Browsers that sign in at an identity provider, what they may do then, and how that ends.</summary>
[CancelAfter(120_000)]
public sealed partial class SignInTests
{
    private const string Roles = "roles: [{role: admin, users: [root]}, {role: operator, claims: {groups: dba}}, "
        + "{role: reader, users: [rita]}], default_role: none";

    private OpenIdProvider _provider = null!;
    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start()
    {
        _provider = await OpenIdProvider.StartAsync();
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = $"oidc: {{ {_provider.Config()} }}, {Roles}" }, worker: false);
    }

    [TearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Test]
    public async Task Whoever_opens_a_page_signs_in_and_comes_to_it(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        const string Wanted = "/hangfire/sql/jobs?status=RUNNING&name=a%26b";

        var sent = (await browser.OpenAsync(Wanted, cancellationToken)).AssertStatus(302);
        var page = (await browser.OpenAsync(sent.Header("Location")!, cancellationToken)).AssertStatus(200);
        var start = Href().Matches(page.Text).Single().Groups[1].Value;
        var back = (await browser.SignInAsync("rita", cancellationToken, Wanted)).AssertStatus(302);
        var jobs = (await browser.OpenAsync(back.Header("Location")!, cancellationToken)).AssertStatus(200);

        Assert.That(start, Is.EqualTo($"/signin/start?return={Uri.EscapeDataString(Wanted)}"));
        Assert.That(back.Header("Location"), Is.EqualTo(Wanted));
        Assert.That(jobs.Text, Does.Contain("<span>rita</span> <small>signed in</small>").And.Contain("Sign out"));
        Assert.That(page.Header("Content-Security-Policy"), Does.Contain("default-src 'none'"));
    }

    [Test]
    public async Task The_cookie_is_small_and_for_this_server_only(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        _provider.Claims["groups"] = Enumerable.Range(0, 500).Select(i => $"group-{i}").Append("dba").ToArray();

        var back = await browser.SignInAsync("rita", cancellationToken);

        var cookie = back.Headers.GetValues("Set-Cookie")
            .Single(set => set.StartsWith(SignInClient.SessionCookie, StringComparison.Ordinal));
        Assert.That(cookie, Does.Contain("; path=/;").And.Contain("; samesite=lax").And.Contain("; httponly")
            .And.Not.Contain("; secure").And.Not.Contain("expires").And.Not.Contain("domain"));
        Assert.That(cookie, Has.Length.LessThan(1000));
        var me = (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        Assert.That(me.Text, Does.Contain("\"roles\":[\"reader\",\"operator\"]"));
    }

    [Test]
    public async Task The_user_and_the_roles_are_those_of_the_token(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        _provider.Claims["groups"] = new[] { "staff", "dba" };
        await browser.SignInAsync("rita", cancellationToken);
        using var other = NewBrowser();
        _provider.Claims["groups"] = "staff";
        await other.SignInAsync("nina", cancellationToken);

        var me = (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        var nobody = (await other.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);

        Assert.That(me.Text, Is.EqualTo(
            """{"user":"rita","authenticated_by":"oidc","roles":["reader","operator"],"""
            + """
            "scopes":[{"role":"operator"},{"role":"reader"}]}
            """));
        Assert.That(nobody.Text,
            Is.EqualTo("""{"user":"nina","authenticated_by":"oidc","roles":[],"scopes":[]}"""));
        (await other.GetAsync("/api/v1/jobs", cancellationToken)).AssertProblem(403);
        (await other.OpenAsync("/hangfire/sql/jobs", cancellationToken)).AssertProblem(403);
        (await other.OpenAsync("/signin", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task A_bearer_token_with_the_same_claims_is_the_same_caller(CancellationToken cancellationToken)
    {
        var keys = Path.Combine(_heimdall.SqlDirectory, "keys.json");
        await File.WriteAllTextAsync(keys, _provider.Keys, cancellationToken);
        const string Claims = "user_claim: name, roles_claim: may";
        _heimdall.Configure(config => config with
        {
            Auth = $"oidc: {{ {_provider.Config($", {Claims}")} }}, jwt: {{keys_file: \"{keys}\", "
                + $"issuer: \"{_provider.Authority}\", audience: programs, {Claims}}}, default_role: none, "
                + "roles: [{role: operator, claims: {groups: dba}}, {role: admin, claims: {acr: mfa}}, "
                + $"{{role: submitter, claims: {{azp: {OpenIdProvider.ClientId}}}}}, "
                + $"{{role: reader, claims: {{iss: \"{_provider.Authority}\"}}}}]",
        });
        await _heimdall.RestartApiAsync();
        var tokens = new List<string>();
        _provider.Make = claims =>
        {
            tokens.Add(_provider.Sign(new(claims) { ["aud"] = "programs" }));
            return _provider.Sign(claims);
        };
        (string, object)[][] callers =
        [
            [("name", "rita"), ("may", "operator"), ("groups", new[] { "dba", "x" })],
            [("name", "nina"), ("may", new[] { "reader", "dance", "Admin" })],
            [("name", "olga"), ("heimdall:role", "admin"), ("HEIMDALL:ROLE", "admin")],
            [("name", "mia"), ("acr", "mfa"), ("azp", OpenIdProvider.ClientId)],
        ];

        foreach (var claims in callers)
        {
            _provider.Claims.Clear();
            claims.ToList().ForEach(claim => _provider.Claims.Add(claim.Item1, claim.Item2));
            using var browser = NewBrowser();
            await browser.SignInAsync("sub", cancellationToken);
            var session = (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
            var bearer = (await _heimdall.SendAsync(
                HttpMethod.Get, "/api/v1/me", cancellationToken, null, ("Authorization", $"Bearer {tokens[^1]}")))
                .AssertStatus(200);

            Assert.That(bearer.Text.Replace("\"jwt\"", "\"oidc\"", StringComparison.Ordinal), Is.EqualTo(session.Text));
            Assert.That(session["user"], Is.EqualTo(claims[0].Item2));
        }
        Assert.That(tokens, Has.Count.EqualTo(4));
        var last = await _heimdall.SendAsync(
            HttpMethod.Get, "/api/v1/me", cancellationToken, null, ("Authorization", $"Bearer {tokens[^1]}"));
        Assert.That(last.AssertStatus(200).Text, Does.Contain("\"roles\":[\"reader\",\"submitter\",\"admin\"]"));
    }

    [Test]
    public async Task What_a_script_asks_for_is_refused_and_not_sent_to_the_sign_in(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();

        var rest = await browser.OpenAsync("/api/v1/me", cancellationToken);
        var fetch = await browser.GetAsync(
            "/hangfire/sql/jobs", cancellationToken, ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "same-origin"),
            ("Accept", "*/*"));
        var form = await browser.PostAsync("/hangfire/sql/pauses/end", cancellationToken);

        foreach (var reply in new[] { rest, fetch, form })
        {
            reply.AssertProblem(401, "needs a browser that is signed in");
            Assert.That(reply.Header("WWW-Authenticate"), Is.EqualTo("Bearer realm=\"Heimdall\""));
        }
    }

    [Test]
    public async Task Nothing_is_changed_by_a_cookie_that_no_page_of_this_server_sends(
        CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        (string, string)[][] origins =
        [
            [], [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")],
            [("Origin", "https://evil.example")], [("Origin", "null")], [("Authorization", "")],
            [("Authorization", "x")], [("X-Api-Key", "")],
        ];

        foreach (var origin in origins)
        {
            foreach (var path in new[] { "/api/v1/queue/pause", "/hangfire/sql/pauses/add", "/signout" })
            {
                var reply = await browser.SendAsync("POST", path, cancellationToken, null, origin);
                reply.AssertProblem(403, "Sec-Fetch-Site");
                Assert.That(reply["type"], Is.EqualTo("urn:heimdall:problem:cross-site"));
            }
        }
        var queue = (await browser.GetAsync("/api/v1/queue", cancellationToken)).AssertStatus(200);
        Assert.That(queue.Json.GetProperty("pauses").GetArrayLength(), Is.Zero);
        (await browser.GetAsync("/api/v1/queue", cancellationToken, ("Sec-Fetch-Site", "cross-site")))
            .AssertProblem(401);
        (await browser.GetAsync("/api/v1/queue", cancellationToken)).AssertStatus(200);
        var own = _heimdall.Address.GetLeftPart(UriPartial.Authority);
        (await browser.SendAsync("POST", "/api/v1/queue/pause", cancellationToken, null, ("Origin", own)))
            .AssertStatus(200);
        (await browser.PostAsync("/api/v1/queue/resume", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task A_form_of_the_dashboard_needs_its_token_too(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);

        var reply = await browser.PostAsync("/hangfire/sql/pauses/add", cancellationToken,
            new FormUrlEncodedContent([KeyValuePair.Create("target", "cluster/postgres")]));

        Assert.That((int)reply.Status, Is.EqualTo(403));
        var queue = (await browser.GetAsync("/api/v1/queue", cancellationToken)).AssertStatus(200);
        Assert.That(queue.Json.GetProperty("pauses").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_job_is_run_as_the_user(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);

        var job = await browser.PostAsync("/api/v1/job", cancellationToken, JsonContent.Create(new
        {
            name = "by-cookie",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = "select 1", return_result = true },
        }));

        Assert.That(job.AssertStatus(200)["user"], Is.EqualTo("root"));
    }

    [Test]
    public async Task Signing_out_ends_the_session_for_every_copy_of_the_cookie(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        using var thief = browser.CopyFor(_heimdall.Address);

        var left = (await browser.PostAsync("/signout", cancellationToken)).AssertStatus(200);

        Assert.That(browser.Session, Is.Null);
        var next = SignInClient.NextOf(left)!;
        Assert.That(next, Does.StartWith($"{_provider.Authority}/end?").And.Contain("id_token_hint=")
            .And.Contain(Uri.EscapeDataString($"{_heimdall.Address}signout-callback-oidc")));
        (await thief.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
        Assert.That(thief.Session, Is.Null, "and the browser drops it");
        var page = await browser.OpenAsync("/hangfire/sql/jobs", cancellationToken);
        Assert.That(page.AssertStatus(302).Header("Location"), Does.StartWith("/signin?return="));
        Assert.That(await _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.browser_session", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Without_an_end_of_sessions_at_the_provider_signing_out_ends_here(
        CancellationToken cancellationToken)
    {
        await using var provider = await OpenIdProvider.StartAsync(hasEndSession: false);
        _heimdall.Configure(config => config with { Auth = $"oidc: {{ {provider.Config()} }}, {Roles}" });
        await _heimdall.RestartApiAsync();
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);

        var left = (await browser.PostAsync("/signout", cancellationToken)).AssertStatus(200);
        var again = (await browser.PostAsync("/signout", cancellationToken)).AssertStatus(200);

        Assert.That(SignInClient.NextOf(left), Is.Null);
        Assert.That(left.Text, Does.Contain("You are signed out."));
        Assert.That(again.Text, Does.Contain("You are signed out."));
    }

    [Test]
    public async Task Sign_ins_and_sign_outs_are_in_the_audit(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("rita", cancellationToken);
        var id = (await browser.GetAsync("/api/v1/sessions", cancellationToken)).AssertStatus(200)
            .Json.GetProperty("data")[0].GetProperty("id");
        await browser.PostAsync("/signout", cancellationToken);
        await browser.GetAsync("/signin-oidc?code=1&state=2", cancellationToken);

        var records = await _heimdall.Store.ColumnAsync<string>(
            """
            select concat_ws(' ', "user", authenticated_by, address, action, target, outcome, status)
            from heimdall.audit order by id
            """,
            cancellationToken);
        var session = $"session/{id.GetString()}";

        Assert.That(records, Is.EqualTo(new[]
        {
            $"rita oidc 127.0.0.1 GET /signin-oidc {session} DONE",
            $"rita oidc 127.0.0.1 POST /signout {session} DONE",
            "oidc 127.0.0.1 GET /signin-oidc sign-in/state REFUSED 401",
        }));
    }

    [Test]
    public async Task A_session_that_is_not_used_or_too_old_is_over(CancellationToken cancellationToken)
    {
        using var idle = NewBrowser();
        await idle.SignInAsync("rita", cancellationToken);
        using var old = NewBrowser();
        await old.SignInAsync("root", cancellationToken);
        (await old.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);

        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.browser_session set last_used_at = now() - interval '61 minutes' where "user" = 'rita'
            """,
            cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """update heimdall.browser_session set ends_at = now() where "user" = 'root'""", cancellationToken);

        foreach (var browser in new[] { idle, old })
        {
            (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401, "signed in");
            Assert.That(browser.Session, Is.Null);
        }
    }

    [Test]
    public async Task A_session_that_is_used_stays(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("rita", cancellationToken);
        const string Age = """
            update heimdall.browser_session set last_used_at = now() - interval '40 minutes'
            """;
        for (var i = 0; i < 3; i++)
        {
            await _heimdall.Store.ExecuteAsync(Age, cancellationToken);
            (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        }

        Assert.That(await _heimdall.Store.ScalarAsync<bool>(
            "select last_used_at > now() - interval '1 minute' from heimdall.browser_session", cancellationToken));
    }

    [Test]
    public async Task A_cookie_that_was_changed_is_refused_as_wrong_credentials(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("rita", cancellationToken);
        var cookie = browser.Session!;
        var middle = cookie.Length / 2;

        foreach (var wrong in new[]
        {
            cookie[..middle] + (cookie[middle] == 'A' ? 'B' : 'A') + cookie[(middle + 1)..], cookie[..^4], "x",
            "CfDJ8" + new string('A', 200),
        })
        {
            browser.Session = wrong;
            (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401, "is not one of this server");
            Assert.That(browser.Session, Is.Null);
        }
        Assert.That(await _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.audit where action = 'GET /api/v1/me' and outcome = 'REFUSED'",
            cancellationToken), Is.EqualTo(4));
        browser.Session = cookie;
        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task A_session_before_is_ended_by_a_sign_in(CancellationToken cancellationToken)
    {
        using var planted = NewBrowser();
        await planted.SignInAsync("rita", cancellationToken);
        using var victim = planted.CopyFor(_heimdall.Address);

        await victim.SignInAsync("root", cancellationToken);

        Assert.That(victim.Session, Is.Not.EqualTo(planted.Session));
        (await planted.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
        Assert.That((await victim.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200)["user"],
            Is.EqualTo("root"));
    }

    [Test]
    public async Task A_user_has_fifty_sessions_at_most(CancellationToken cancellationToken)
    {
        using var first = NewBrowser();
        await first.SignInAsync("rita", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.browser_session (id, key_hash, "user", ticket, signed_in_at, ends_at)
            select gen_random_uuid(), sha256(n::text::bytea), 'rita', '', now() + interval '1 second',
                now() + interval '1 day'
            from generate_series(1, 49) n
            """,
            cancellationToken);
        (await first.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);

        using var last = NewBrowser();
        await last.SignInAsync("rita", cancellationToken);

        (await first.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
        (await last.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        Assert.That(await _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.browser_session", cancellationToken), Is.EqualTo(50));
    }

    [Test]
    public async Task Sessions_are_listed_and_ended_by_their_users_and_by_admins(CancellationToken cancellationToken)
    {
        using var rita = NewBrowser();
        await rita.SignInAsync("rita", cancellationToken);
        using var root = NewBrowser();
        await root.SignInAsync("root", cancellationToken);

        var own = (await rita.GetAsync("/api/v1/sessions", cancellationToken)).AssertStatus(200);
        var all = (await root.GetAsync("/api/v1/sessions", cancellationToken)).AssertStatus(200);

        var mine = own.Json.GetProperty("data").EnumerateArray().Single();
        Assert.That(mine.GetProperty("user").GetString(), Is.EqualTo("rita"));
        Assert.That(mine.GetProperty("address").GetString(), Is.EqualTo("127.0.0.1"));
        Assert.That(mine.GetProperty("ends_at").GetDateTime(), Is.GreaterThan(DateTime.UtcNow));
        var ids = all.Json.GetProperty("data").EnumerateArray().ToDictionary(
            session => session.GetProperty("user").GetString()!, session => session.GetProperty("id").GetGuid());
        Assert.That(ids.Keys, Is.EquivalentTo(new[] { "rita", "root" }));

        (await EndAsync(rita, ids["root"], cancellationToken)).AssertProblem(404);
        (await EndAsync(root, ids["rita"], cancellationToken)).AssertStatus(204);
        (await rita.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
        (await EndAsync(root, ids["root"], cancellationToken)).AssertStatus(204);
        (await root.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
        Assert.That(
            await _heimdall.Store.ColumnAsync<string>(
                """
                select concat_ws(' ', "user", target, outcome) from heimdall.audit
                where action = 'DELETE /api/v1/session/{id:guid}' order by id
                """,
                cancellationToken),
            Is.EqualTo(new[]
            {
                $"rita session/{ids["root"]} FAILED", $"root session/{ids["rita"]} DONE",
                $"root session/{ids["root"]} DONE",
            }));
    }

    [Test]
    public async Task Roles_that_are_taken_away_are_gone_within_seconds(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        (await browser.GetAsync("/api/v1/audit", cancellationToken)).AssertStatus(200);

        _heimdall.Configure(config => config with
        {
            Auth = $"oidc: {{ {_provider.Config()} }}, roles: [{{role: admin, users: [rita]}}], default_role: none",
        });

        await Eventually.Becomes(
            async () => (int)(await browser.GetAsync("/api/v1/jobs", cancellationToken)).Status,
            () => Is.EqualTo(403), cancellationToken);
    }

    [Test]
    public async Task Sessions_end_when_nobody_signs_in_any_more(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);

        _heimdall.Configure(config => config with { Auth = "header: X-User, trusted_proxies: [10.0.0.1]" });

        await Eventually.Becomes(
            async () => (int)(await browser.GetAsync("/api/v1/me", cancellationToken)).Status,
            () => Is.EqualTo(401), cancellationToken);
    }

    [Test]
    public async Task A_session_outlives_a_restart_but_not_another_client(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        using var kept = browser.CopyFor(_heimdall.Address);

        await _heimdall.RestartApiAsync();
        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);

        _heimdall.Configure(config => config with
        {
            Auth = $"oidc: {{ authority: \"{_provider.Authority}\", client_id: another }}, {Roles}",
        });
        await _heimdall.RestartApiAsync();
        (await kept.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
    }

    [Test]
    public async Task Any_api_takes_the_session_and_finishes_what_another_has_begun(
        CancellationToken cancellationToken)
    {
        await using var second = await SecondApi.StartAsync(_heimdall, cancellationToken);
        var address = second.Client.BaseAddress!;
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        using var there = browser.CopyFor(address);

        (await there.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        using var begun = NewBrowser();
        var callback = new Uri(await begun.BeginAsync("rita", cancellationToken));
        using var elsewhere = begun.CopyFor(address);
        // A balancer would have the one address; the provider was told that of the first.
        var refused = await elsewhere.GetAsync(callback.PathAndQuery, cancellationToken, ("Host", callback.Authority));

        Assert.That(refused.AssertStatus(302).Header("Location"), Is.EqualTo("/hangfire/sql/jobs"));
        (await elsewhere.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        await there.PostAsync("/signout", cancellationToken);
        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(401);
    }

    [Test]
    public async Task What_a_browser_watches_ends_with_its_session(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        var job = (await browser.PostAsync("/api/v1/job", cancellationToken, JsonContent.Create(new
        {
            name = "waits",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = "select 1" },
        }))).AssertStatus(202);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/job/{job["id"]}/events");
        request.Headers.Add("Cookie", $"{SignInClient.SessionCookie}={browser.Session}");
        using var events = await _heimdall.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        Assert.That((int)events.StatusCode, Is.EqualTo(200));
        using var stream = await events.Content.ReadAsStreamAsync(cancellationToken);

        await browser.PostAsync("/signout", cancellationToken);

        var buffer = new byte[4096];
        var text = "";
        try
        {
            for (int read; (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                text += System.Text.Encoding.UTF8.GetString(buffer, 0, read);
            }
        }
        catch (IOException)
        {
            // It is broken off.
        }
        Assert.That(text, Does.Contain("event: status").And.Not.Contain("event: end"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_is_not_answered_yet_breaks_off_or_is_refused_when_the_session_ends(
        bool isSignedOut, CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        var cookie = browser.Session!;
        const string Many = "select repeat('x', 10000), pg_sleep(0.1) from generate_series(1, 100000)";
        using var rows = await BeginAsync(
            cookie, HttpMethod.Post, "/api/v1/job", JobOf(Many), cancellationToken, ("Accept", "text/csv"));
        var silent = BeginAsync(
            cookie, HttpMethod.Post, "/api/v1/job", JobOf("select pg_sleep(600)"), cancellationToken);
        var waiting = BeginAsync(
            cookie, HttpMethod.Post, "/api/v1/job", JobOf("select 1", isInline: false), cancellationToken,
            ("Prefer", "wait=60"));
        var job = (await browser.PostAsync("/api/v1/job", cancellationToken, JobOf("select 1", isInline: false)))
            .AssertStatus(202);
        using var events = await BeginAsync(
            cookie, HttpMethod.Get, $"/api/v1/job/{job["id"]}/events", null, cancellationToken);
        Assert.That((int)rows.StatusCode, Is.EqualTo(200));
        Assert.That((int)events.StatusCode, Is.EqualTo(200));

        if (isSignedOut)
        {
            await browser.PostAsync("/signout", cancellationToken);
        }
        else
        {
            await _heimdall.Store.ExecuteAsync(
                "update heimdall.browser_session set last_used_at = now() - interval '61 minutes'", cancellationToken);
        }

        foreach (var begun in new[] { rows, events })
        {
            Assert.That(
                async () => await begun.Content.ReadAsByteArrayAsync(cancellationToken),
                Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<IOException>());
        }
        foreach (var reply in new[] { await silent, await waiting })
        {
            using (reply)
            {
                (await Reply.ReadAsync(reply, cancellationToken)).AssertProblem(401, "signed in");
            }
        }
        Assert.That(_heimdall.Logs, Has.None.Contains(" fail: "));
    }

    [Test]
    public async Task A_store_that_is_away_is_no_wrong_cookie(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        await browser.SignInAsync("root", cancellationToken);
        var cookie = browser.Session;
        var callback = await browser.BeginAsync("rita", cancellationToken);
        await _heimdall.RestartApiAsync(); // the keys are read when a cookie is first looked at
        await _heimdall.Store.ExecuteAsync("alter table heimdall.dashboard_key rename to kept_key", cancellationToken);

        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertProblem(503, "Nothing was recorded");
        (await browser.OpenAsync("/hangfire/sql/jobs", cancellationToken)).AssertProblem(503);
        (await browser.GetAsync(callback, cancellationToken)).AssertProblem(503);
        Assert.That(browser.Session, Is.EqualTo(cookie));
        await _heimdall.Store.ExecuteAsync("alter table heimdall.kept_key rename to dashboard_key", cancellationToken);

        (await browser.GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        (await browser.GetAsync(callback, cancellationToken)).AssertStatus(302);
        Assert.That(await _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.audit where outcome = 'REFUSED'", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Each_session_is_found_by_pages_and_by_its_user(CancellationToken cancellationToken)
    {
        using var root = NewBrowser();
        await root.SignInAsync("root", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.browser_session (id, key_hash, "user", ticket, signed_in_at, ends_at)
            select gen_random_uuid(), sha256(n::text::bytea), 'user-' || n % 7, '', now() + n / 2 * interval '1 ms',
                now() + interval '1 day'
            from generate_series(1, 210) n
            """,
            cancellationToken);

        var ids = new List<Guid>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = (await root.GetAsync($"/api/v1/sessions?limit=100{cursor}", cancellationToken))
                .AssertStatus(200);
            ids.AddRange(page.Json.GetProperty("data").EnumerateArray().Select(one => one.GetProperty("id").GetGuid()));
            var hasMore = page.Json.GetProperty("has_more").GetBoolean();
            Assert.That(page.Json.TryGetProperty("next_cursor", out var next), Is.EqualTo(hasMore));
            cursor = hasMore ? $"&cursor={next.GetString()}" : null;
        }
        var three = (await root.GetAsync("/api/v1/sessions?user=user-3", cancellationToken)).AssertStatus(200);

        Assert.That(ids, Has.Count.EqualTo(211).And.Unique);
        Assert.That(
            three.Json.GetProperty("data").EnumerateArray().Select(one => one.GetProperty("user").GetString()),
            Is.EqualTo(Enumerable.Repeat("user-3", 30)));
        using var rita = NewBrowser();
        await rita.SignInAsync("rita", cancellationToken);
        var foreign = (await rita.GetAsync("/api/v1/sessions?user=user-3", cancellationToken)).AssertStatus(200);
        Assert.That(foreign.Text, Is.EqualTo("""{"data":[],"has_more":false}"""));
        (await root.GetAsync("/api/v1/sessions?cursor=x", cancellationToken)).AssertProblem(400);
    }

    [Test]
    public async Task Whoever_opens_a_page_with_a_cookie_of_another_server_signs_in(CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();
        browser.Session = "x";

        var sent = await browser.OpenAsync("/hangfire/sql/jobs", cancellationToken);

        Assert.That(sent.AssertStatus(302).Header("Location"), Does.StartWith("/signin?return="));
        Assert.That(browser.Session, Is.Null);
        Assert.That(await _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.audit where outcome = 'REFUSED' and status = 302", cancellationToken),
            Is.EqualTo(1));
    }

    [TestCase(200)]
    [TestCase(4000)]
    public async Task Where_to_come_back_to_is_short(int length, CancellationToken cancellationToken)
    {
        using var browser = NewBrowser();

        var sent = await browser.OpenAsync($"/console?sql={new string('a', length)}", cancellationToken);

        var wanted = $"/console{(length < 1000 ? $"?sql={new string('a', length)}" : "")}";
        Assert.That(sent.AssertStatus(302).Header("Location"),
            Is.EqualTo($"/signin?return={Uri.EscapeDataString(wanted)}"));
    }

    private async Task<HttpResponseMessage> BeginAsync(
        string cookie, HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Add("Cookie", $"{SignInClient.SessionCookie}={cookie}");
        request.Headers.Add("Sec-Fetch-Site", "same-origin");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return await _heimdall.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static JsonContent JobOf(string query, bool isInline = true) => JsonContent.Create(new
    {
        name = "by-cookie",
        command_criteria = new[] { "type:postgres" },
        cluster_criteria = new[] { "_id:postgres" },
        context = new { query, return_result = isInline },
    });

    private static Task<Reply> EndAsync(SignInClient browser, Guid id, CancellationToken cancellationToken) =>
        browser.SendAsync(
            "DELETE", $"/api/v1/session/{id}", cancellationToken, null, ("Sec-Fetch-Site", "same-origin"));

    private SignInClient NewBrowser() => new(_heimdall.Address);

    [GeneratedRegex("<a [^>]*href=\"([^\"]*)\"")]
    private static partial Regex Href();
}
