using System.Text.Json;
using Heimdall.Tests.Rights;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Descriptions;

/// <summary>The OpenAPI document names the credentials that the server really takes.</summary>
[CancelAfter(60_000)]
public sealed class SecuritySchemeTests
{
    [Test]
    public async Task Keys_go_in_three_ways_and_all_are_taken(CancellationToken cancellationToken)
    {
        await using var api = await RoleInstance.StartAsync(worker: false, users: []);

        var document = (await api.SendAsync("reader", "GET", "/openapi/v1.json", cancellationToken))
            .AssertStatus(200).Json;

        Assert.That(
            SchemesOf(document),
            Is.EqualTo(new[] { "api_key apiKey X-Api-Key", "basic http basic", "bearer http bearer" }));
        Assert.That(RequirementsOf(document, "/api/v1/me"), Is.EquivalentTo(new[] { "bearer", "api_key", "basic" }));
        Assert.That(RequirementsOf(document, "/healthz"), Is.Empty);
    }

    [Test]
    public async Task Without_auth_there_is_only_a_name_which_may_be_left_out(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);

        var document = (await heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200).Json;

        Assert.That(SchemesOf(document), Is.EqualTo(new[] { "user apiKey X-Heimdall-User" }));
        Assert.That(RequirementsOf(document, "/api/v1/me"), Is.EqualTo(new[] { "", "user" }));
    }

    [Test]
    public async Task A_proxy_names_the_user_in_its_header(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = "header: X-Remote-User, trusted_proxies: [127.0.0.1]" }, worker: false);

        var document = (await heimdall.SendAsync(
            HttpMethod.Get, "/openapi/v1.json", cancellationToken, null, ("X-Remote-User", "alice")))
            .AssertStatus(200).Json;

        Assert.That(SchemesOf(document), Is.EqualTo(new[] { "proxy apiKey X-Remote-User" }));
        Assert.That(RequirementsOf(document, "/api/v1/me"), Is.EqualTo(new[] { "proxy" }));
    }

    [Test]
    public async Task A_browser_that_is_signed_in_has_a_cookie(CancellationToken cancellationToken)
    {
        await using var provider = await OpenIdProvider.StartAsync();
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = $"oidc: {{ {provider.Config()} }}" }, worker: false);
        using var browser = new SignInClient(heimdall.Address);
        await browser.SignInAsync("alice", cancellationToken);

        var document = (await browser.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200).Json;

        Assert.That(SchemesOf(document), Is.EqualTo(new[] { $"session apiKey {SignInClient.SessionCookie}" }));
        Assert.That(RequirementsOf(document, "/api/v1/me"), Is.EqualTo(new[] { "session" }));
    }

    private static IEnumerable<string> SchemesOf(JsonElement document) =>
        document.GetProperty("components").GetProperty("securitySchemes").EnumerateObject()
            .Select(scheme => $"{scheme.Name} {scheme.Value.GetProperty("type")} "
                + (scheme.Value.TryGetProperty("name", out var name) ? name : scheme.Value.GetProperty("scheme")))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> RequirementsOf(JsonElement document, string path) =>
        document.GetProperty("paths").GetProperty(path).GetProperty("get").GetProperty("security").EnumerateArray()
            .Select(one => string.Join(' ', one.EnumerateObject().Select(scheme => scheme.Name)));
}
