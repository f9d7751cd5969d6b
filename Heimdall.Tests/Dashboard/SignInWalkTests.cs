using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>A browser from the first page to the sign-out, at a provider that is another site.</summary>
[CancelAfter(300_000)]
public sealed class SignInWalkTests() : RealProcessTests(processes: 1)
{
    private OpenIdProvider _provider = null!;
    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start()
    {
        _provider = await OpenIdProvider.StartAsync();
        _heimdall = await HeimdallInstance.StartAsync(config => config with
        {
            Auth = $"oidc: {{ {_provider.Config()} }}, roles: [{{role: admin, users: [anna]}}], default_role: none",
        });
    }

    [TearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Test]
    public async Task From_the_wanted_page_over_the_console_to_the_sign_out(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("walk", cancellationToken);
        var job = await EnqueueAsync(cancellationToken);
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{job}");
        var page = window.Page;

        await window.ByRole(AriaRole.Link, "Sign in with the identity provider").ClickAsync();
        await page.GetByLabel("User").FillAsync("anna");
        await window.ByRole(AriaRole.Button, "Log in").ClickAsync();
        await Expect(page).ToHaveURLAsync($"{_heimdall.Address}hangfire/sql/jobs/{job}");
        await Expect(page.Locator(".hd-who")).ToContainTextAsync("anna signed in");

        await page.Locator("summary", new() { HasText = "Cancel" }).ClickAsync();
        await page.Locator(".hd-asked button").First.ClickAsync();
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<string>(
                "select concat_ws(' ', status, canceled_by) from heimdall.job where id = $1", cancellationToken, job),
            () => Is.EqualTo("CANCELED anna"), cancellationToken);

        await page.GotoAsync("/console");
        await page.ReadyAsync();
        await page.RunAsync("select 'by cookie' as how");
        await Expect(page.CellsOf(0).First).ToHaveTextAsync("by cookie");
        Assert.That(
            await _heimdall.Store.ScalarAsync<string>(
                "select \"user\" from heimdall.job order by created_at desc limit 1", cancellationToken),
            Is.EqualTo("anna"));

        await page.GotoAsync("/hangfire/sql/jobs");
        await window.ByRole(AriaRole.Button, "Sign out").ClickAsync();
        await Expect(page).ToHaveURLAsync($"{_heimdall.Address}signin");
        await Expect(page.GetByText("Sign in to go on.")).ToBeVisibleAsync();
        Assert.That(_provider.Requests, Has.Some.StartsWith("GET /end?"));

        await page.GoBackAsync();
        await Expect(page.Locator(".hd-who")).ToHaveCountAsync(0);
        await page.GotoAsync("/hangfire/sql/jobs");
        await Expect(page.Locator("body")).Not.ToContainTextAsync("anna");
        await window.ByRole(AriaRole.Link, "Sign in with the identity provider").ClickAsync();
        await Expect(page.GetByLabel("User")).ToBeVisibleAsync(); // at the provider nobody is signed in either

        Assert.That(window.Complaints.Where(IsOfHeimdall), Is.Empty);
    }

    [Test]
    public async Task Without_scripts_it_is_the_same(CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/clusters", new() { JavaScriptEnabled = false });
        var page = window.Page;
        await window.ByRole(AriaRole.Link, "Sign in with the identity provider").ClickAsync();
        await page.GetByLabel("User").FillAsync("anna");
        await window.ByRole(AriaRole.Button, "Log in").ClickAsync();
        await Expect(page).ToHaveURLAsync($"{_heimdall.Address}hangfire/sql/clusters");

        await window.ByRole(AriaRole.Button, "Sign out").ClickAsync();

        await Expect(page).ToHaveURLAsync($"{_heimdall.Address}signin");
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.browser_session", cancellationToken),
            Is.Zero);
    }

    [Test]
    public async Task A_page_that_refreshes_itself_says_that_its_reader_is_signed_out(
        CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/overview");
        var page = window.Page;
        await window.ByRole(AriaRole.Link, "Sign in with the identity provider").ClickAsync();
        await page.GetByLabel("User").FillAsync("anna");
        await window.ByRole(AriaRole.Button, "Log in").ClickAsync();
        await Expect(page.Locator(".hd-who")).ToContainTextAsync("anna");

        await _heimdall.Store.ExecuteAsync("delete from heimdall.browser_session", cancellationToken);

        await Expect(page.Locator("#hd-refresh")).ToContainTextAsync("You are not signed in any more");
        await page.ReloadAsync();
        await window.ByRole(AriaRole.Link, "Sign in with the identity provider").ClickAsync();
        await Expect(page).ToHaveURLAsync($"{_heimdall.Address}hangfire/sql/overview"); // the provider knows her still
    }

    private async Task<Guid> EnqueueAsync(CancellationToken cancellationToken)
    {
        using var browser = new SignInClient(_heimdall.Address);
        await browser.SignInAsync("anna", cancellationToken);
        var job = await browser.PostAsync("/api/v1/job", cancellationToken, System.Net.Http.Json.JsonContent.Create(new
        {
            name = "waits",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = HeimdallInstance.WaitAt("walk") },
        }));
        return job.AssertStatus(202).Id;
    }

    /// <summary>The walk leads to the provider, which is another host.</summary>
    private bool IsOfHeimdall(string complaint) =>
        !complaint.Contains(_provider.Authority, StringComparison.Ordinal)
        && !complaint.Contains("favicon.ico", StringComparison.Ordinal) && ConsoleWindow.IsNoRefusal(complaint);
}
