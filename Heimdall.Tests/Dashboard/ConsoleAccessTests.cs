using Heimdall.Tests.Rights;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// The console on a server that wants keys: the browser asks for one, and sends it with all that the page asks.
/// </summary>
[CancelAfter(300_000)]
public sealed class ConsoleAccessTests() : RealProcessTests(processes: 1)
{
    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start() => _api = await RoleInstance.StartAsync(worker: true, users: []);

    [OneTimeTearDown]
    public async Task Stop() => await _api.DisposeAsync();

    [Test]
    public async Task A_submitter_runs_a_query_with_the_browsers_key_and_saves_it(CancellationToken cancellationToken)
    {
        await using var window = await OpenAsync("submitter", "/console");
        var page = window.Page;
        await Expect(page.Locator("html")).ToHaveAttributeAsync("data-console", "ready");
        await page.Keyboard.TypeAsync("select 42 as answer");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("1 row in ");

        await window.ByRole(AriaRole.Button, "Saved").ClickAsync();
        await page.GetByLabel("Path", new() { Exact = true }).FillAsync("mine/answer.sql");
        await window.ByRole(AriaRole.Button, "Save Text 1").ClickAsync();
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("Saved as mine/answer.sql.");
        await page.Locator(".hc-entry", new() { HasText = "mine/answer.sql" }).ClickAsync();
        await Expect(page.Locator("#hc-tabs [aria-selected=true]")).ToHaveTextAsync("mine/answer.sql");
        await Expect(page.Locator(".monaco-editor .view-lines")).ToContainTextAsync("answer");

        var saved = await _api.SendAsync("submitter", "GET", "/api/v1/sql/mine/answer.sql", cancellationToken);
        Assert.That(saved.Text, Is.EqualTo("select 42 as answer"));
        var jobs = await _api.SendAsync("admin", "GET", "/api/v1/jobs?tag=source:console", cancellationToken);
        Assert.That(
            jobs.Json.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("user").GetString()),
            Is.EqualTo(new[] { "submitter" }));
        Assert.That(Unexpected(window), Is.Empty);
    }

    [Test]
    public async Task A_text_that_somebody_else_has_changed_is_not_overwritten(CancellationToken cancellationToken)
    {
        await using var window = await OpenAsync("submitter", "/console");
        var page = window.Page;
        await Expect(page.Locator("html")).ToHaveAttributeAsync("data-console", "ready");
        await page.Keyboard.TypeAsync("select 1");
        await window.ByRole(AriaRole.Button, "Saved").ClickAsync();
        await page.GetByLabel("Path", new() { Exact = true }).FillAsync("shared.sql");
        await window.ByRole(AriaRole.Button, "Save Text 1").ClickAsync();
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("Saved as shared.sql.");
        var change = await _api.SendAsync(
            "admin", "PUT", "/api/v1/sql/shared.sql", cancellationToken, new StringContent("select 2"));
        change.AssertStatus(200);

        await window.ByRole(AriaRole.Button, "Save Text 1").ClickAsync();

        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("was changed by somebody else");
        var kept = await _api.SendAsync("admin", "GET", "/api/v1/sql/shared.sql", cancellationToken);
        Assert.That(kept.Text, Is.EqualTo("select 2"));
    }

    [Test]
    public async Task A_reader_is_offered_no_console()
    {
        await using var window = await OpenAsync("reader", "/hangfire/sql/jobs");

        await Expect(window.Page.Locator(".hd-menu")).ToContainTextAsync("SQL jobs");

        Assert.That(await window.Page.Locator(".hd-menu").InnerTextAsync(), Does.Not.Contain("Console"));
        Assert.That((await window.Page.GotoAsync("/console"))!.Status, Is.EqualTo(403));
    }

    [Test]
    public async Task A_page_of_ours_is_asked_for_a_key_as_browsers_are_and_no_other_is(
        CancellationToken cancellationToken)
    {
        Assert.That(await ChallengeAsync("/console", null), Does.StartWith("Basic "));
        Assert.That(await ChallengeAsync("/api/v1/jobs", "same-origin"), Does.StartWith("Basic "));
        Assert.That(await ChallengeAsync("/api/v1/jobs", "cross-site"), Does.StartWith("Bearer "));
        Assert.That(await ChallengeAsync("/api/v1/jobs", null), Does.StartWith("Bearer "));

        async Task<string> ChallengeAsync(string path, string? site)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", site);
            using var reply = await _api.Heimdall.Client.SendAsync(request, cancellationToken);
            return reply.Headers.WwwAuthenticate.ToString();
        }
    }

    private Task<BrowserPage> OpenAsync(string caller, string path) => DashboardBrowser.Browser.OpenAsync(
        _api.Heimdall,
        path,
        new() { HttpCredentials = new() { Username = "anything", Password = _api.KeyOf(caller) } });

    /// <summary>The browser's console tells of the 401 that it has answered with the key.</summary>
    private static IEnumerable<string> Unexpected(BrowserPage window) =>
        window.Complaints.Where(complaint => !complaint.Contains("401 (Unauthorized)", StringComparison.Ordinal));
}
