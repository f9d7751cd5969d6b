using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The pauses on the page of clusters.</summary>
[CancelAfter(120_000)]
public sealed class PausePanelTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("cluster 'postgres'", "cluster/postgres")]
    [TestCase("command 'postgres-0.0.1'", "command/postgres-0.0.1")]
    [TestCase("the queue", "queue")]
    public async Task What_is_paused_is_resumed(string target, string path, CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/clusters");
        var page = window.Page;
        await page.GetByLabel("What to pause").SelectOptionAsync(new SelectOptionValue { Label = target });
        await page.GetByLabel("How long").SelectOptionAsync("for 1 day");
        await page.GetByLabel("Reason").FillAsync($"the <disk> of {path} is full");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause", Exact = true }).ClickAsync();

        var pause = page.GetByRole(AriaRole.Listitem).Filter(new() { HasText = $"the <disk> of {path} is full" });
        await Expect(pause).ToContainTextAsync("by anonymous");
        var shown = (await _heimdall.GetAsync($"/api/v1/{path}", cancellationToken)).Text;
        Assert.That(shown, Does.Contain("of " + path).And.Contain("\"paused_by\":\"anonymous\"").And.Contain("\"until\":"));

        await page.GetByRole(AriaRole.Button, new() { Name = $"Resume {target}" }).ClickAsync();
        await Expect(pause).ToHaveCountAsync(0);
        Assert.That((await _heimdall.GetAsync($"/api/v1/{path}", cancellationToken)).Text, Does.Not.Contain("paused_by"));
        Assert.That(window.Complaints, Is.Empty);
    }
}
