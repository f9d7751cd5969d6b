using Heimdall.Tests.Rights;
using Heimdall.Tests.Support;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The OpenAPI document as pages, at <c>/docs</c>.</summary>
[CancelAfter(120_000)]
public sealed class DocumentPageTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_browser_sees_the_operations_and_asks_no_other_host(CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/docs");

        await Expect(window.Page.Locator("#app")).ToContainTextAsync("A member that does not apply is absent.");
        await Expect(window.Page.Locator("#app")).ToContainTextAsync("Commands and clusters");
        Assert.That(window.CountReplies("/openapi/v1.json"), Is.AtLeast(1));
        Assert.That(window.Complaints, Is.Empty);
        cancellationToken.ThrowIfCancellationRequested();
    }

    [Test]
    public async Task Each_page_allows_its_own_scripts_only(CancellationToken cancellationToken)
    {
        using var one = await _heimdall.Client.GetAsync("/docs/", cancellationToken);
        using var other = await _heimdall.Client.GetAsync("/docs/", cancellationToken);
        using var file = await _heimdall.Client.GetAsync("/docs/scalar.js", cancellationToken);
        using var dashboard = await _heimdall.Client.GetAsync("/hangfire/sql/overview", cancellationToken);

        Assert.That(PolicyOf(one), Does.Contain("default-src 'none'; script-src 'self' 'nonce-"));
        Assert.That(PolicyOf(one), Is.Not.EqualTo(PolicyOf(other)));
        Assert.That(PolicyOf(one), Does.Not.Contain("http").And.Not.Contain("script-src 'self' 'unsafe"));
        Assert.That(PolicyOf(file), Does.Contain("script-src 'none'"));
        Assert.That(PolicyOf(dashboard), Does.Contain("script-src 'self';"), "other pages are as strict as before");
        Assert.That(file.Content.Headers.ContentType!.MediaType, Is.EqualTo("text/javascript"));
    }

    [Test]
    public async Task They_are_for_whom_the_document_is_for(CancellationToken cancellationToken)
    {
        await using var api = await RoleInstance.StartAsync(worker: false, users: []);
        string[] paths =
            ["/openapi/v1.json", "/docs/", "/docs/scalar.js", "/docs/scalar.aspnetcore.js", "/docs/favicon.svg"];
        foreach (var path in paths)
        {
            using var stranger = await api.Heimdall.Client.GetAsync(path, cancellationToken);
            var caller = await api.SendAsync(RoleInstance.Nobody, "GET", path, cancellationToken);

            Assert.That((int)stranger.StatusCode, Is.EqualTo(401), path);
            Assert.That(stranger.Headers.WwwAuthenticate.Single().Scheme, Is.EqualTo("Basic"), "asks for the key");
            caller.AssertStatus(200);
        }
    }

    private static string PolicyOf(HttpResponseMessage reply) =>
        reply.Headers.GetValues("Content-Security-Policy").Single();
}
