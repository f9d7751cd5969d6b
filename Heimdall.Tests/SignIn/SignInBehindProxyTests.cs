using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.SignIn;

/// <summary>A sign-in behind nginx, which ends TLS and has the API below a path.</summary>
[CancelAfter(120_000)]
public sealed class SignInBehindProxyTests() : RealProcessTests(processes: 1)
{
    [TestCase("/")]
    [TestCase("")]
    public async Task The_addresses_and_the_cookies_are_those_of_the_proxy(
        string target, CancellationToken cancellationToken)
    {
        await using var provider = await OpenIdProvider.StartAsync();
        var port = FreePort.Find();
        var address = $"https://127.0.0.1:{port}/heimdall";
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with
            {
                Server = $"public_url: \"{address}\"",
                Auth = $"oidc: {{ {provider.Config()} }}, roles: [{{role: admin, users: [root]}}]",
            },
            worker: false);
        await using var nginx = await Nginx.StartAsync(
            port,
            Repository.Read("configs/nginx/heimdall.conf").Replace(
                "http://127.0.0.1:9090/", $"http://{heimdall.Address.Authority}{target}", StringComparison.Ordinal));
        using var browser = new SignInClient(new Uri($"https://127.0.0.1:{port}"), nginx.Client);
        provider.Claims["groups"] = Enumerable.Range(0, 500).Select(_ => Guid.NewGuid().ToString()).ToArray();
        var longest = $"/console?sql={new string('a', 987)}";

        var sent = await browser.OpenAsync("/heimdall/hangfire/sql/clusters?x=1", cancellationToken);
        Assert.That(sent.AssertStatus(302).Header("Location"),
            Is.EqualTo("/heimdall/signin?return=%2Fhangfire%2Fsql%2Fclusters%3Fx%3D1"));
        var callback = await browser.BeginAsync(
            "root", cancellationToken, "/hangfire/sql/clusters?x=1", prefix: "/heimdall");
        Assert.That(callback, Does.StartWith($"{address}/signin-oidc?"));
        Assert.That(provider.Requests, Has.Some.Contains(Uri.EscapeDataString($"{address}/signin-oidc")));
        var back = (await browser.GetAsync(callback, cancellationToken)).AssertStatus(302);

        Assert.That(back.Header("Location"), Is.EqualTo("/heimdall/hangfire/sql/clusters?x=1"));
        var cookie = back.Headers.GetValues("Set-Cookie")
            .Single(set => set.StartsWith(SignInClient.SessionCookie, StringComparison.Ordinal));
        Assert.That(cookie, Does.Contain("; path=/heimdall;").And.Contain("; secure").And.Contain("; httponly"));
        var page = (await browser.OpenAsync(back.Header("Location")!, cancellationToken)).AssertStatus(200);
        Assert.That(page.Text, Does.Contain("action=\"/heimdall/signout\""));
        var left = (await browser.PostAsync("/heimdall/signout", cancellationToken)).AssertStatus(200);
        Assert.That(SignInClient.NextOf(left), Does.Not.Contain("id_token_hint")
            .And.Contain(Uri.EscapeDataString($"{address}/signout-callback-oidc")));
        (await browser.GetAsync("/heimdall/api/v1/me", cancellationToken)).AssertProblem(401);
        var again = await browser.BeginAsync("root", cancellationToken, longest, prefix: "/heimdall");
        Assert.That((await browser.GetAsync(again, cancellationToken)).AssertStatus(302).Header("Location"),
            Is.EqualTo($"/heimdall{longest}"));
    }
}
