using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The pages of schedules, as an operator uses them.</summary>
[CancelAfter(300_000)]
public sealed class SchedulePageTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config.WithSchedule(
        "nightly", "cron: 30 2 1 1 *, timezone: Europe/Berlin, command_criteria: [type:postgres], cluster_criteria: [data:local], context: {query: select 1}"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_schedule_is_paused_triggered_and_resumed(CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/schedules");
        var page = window.Page;
        await Expect(page.Locator(".hd-schedules tbody tr")).ToContainTextAsync("30 2 1 1 * (Europe/Berlin)");
        await window.ByRole(AriaRole.Link, "nightly").ClickAsync();
        await Expect(page.GetByText("02:30:00 +01:00").First).ToBeVisibleAsync();

        await page.GetByLabel("Reason").FillAsync("the <source> is down");
        await window.ByRole(AriaRole.Button, "Pause").ClickAsync();
        await Expect(page.Locator(".hd-paused")).ToBeVisibleAsync();
        await Expect(page.GetByText("by anonymous since")).ToContainTextAsync("the <source> is down");
        Assert.That((await _heimdall.GetAsync("/api/v1/schedule/nightly", cancellationToken)).Text, Does.Contain("the <source> is down").Or.Contain("\\u003Csource"));

        await page.GetByText("Run now …").ClickAsync();
        await window.ByRole(AriaRole.Button, "Run now").ClickAsync();
        await Expect(page.Locator(".hd-runs li")).ToContainTextAsync("asked for by anonymous");
        await window.ByRole(AriaRole.Button, "Resume").ClickAsync();
        await Expect(page.Locator(".hd-paused")).ToHaveCountAsync(0);
        await page.Locator(".hd-runs").GetByRole(AriaRole.Link, new() { Name = "job" }).ClickAsync();
        await Expect(page.Locator("#hd-status")).ToContainTextAsync("SUCCEEDED");
        await Expect(page.Locator("#hd-part-facts").GetByText("Planned for")).ToBeVisibleAsync();
        await page.Locator("#hd-part-facts").GetByRole(AriaRole.Link, new() { Name = "nightly" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("nightly");
        await page.GotoAsync("/hangfire/sql/jobs?schedule=nightly");
        await Expect(page.Locator(".hd-jobs tbody tr")).ToHaveCountAsync(1);
        Assert.That(window.Complaints, Is.Empty);
    }

    [TestCase("pause")]
    [TestCase("trigger")]
    public async Task A_page_of_somebody_else_cannot_press_a_button(string button, CancellationToken cancellationToken)
    {
        using var form = new FormUrlEncodedContent([]);
        var forged = await _heimdall.SendAsync(HttpMethod.Post, $"/hangfire/sql/schedules/nightly/{button}", cancellationToken, form);
        var got = await _heimdall.GetAsync($"/hangfire/sql/schedules/nightly/{button}", cancellationToken);

        Assert.That(((int)forged.Status, (int)got.Status), Is.EqualTo((403, 405)));
    }
}
