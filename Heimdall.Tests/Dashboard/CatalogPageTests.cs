using System.Text;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The pages of clusters and commands: what runs and waits there, and the buttons of an operator.</summary>
[CancelAfter(300_000)]
public sealed class CatalogPageTests() : RealProcessTests(processes: 1)
{
    private static readonly BrowserNewContextOptions NoScripts = new() { JavaScriptEnabled = false };

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config
        .WithCluster("narrow", "type:postgres, data:local", config.Target, ", max_concurrency: 2")
        .WithCommand("careful", "type:careful", ", max_concurrency: 1, max_attempts: 3"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task What_runs_and_waits_stands_beside_the_limit(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("narrow", cancellationToken);
        var jobs = new List<Guid>();
        for (var count = 0; count < 5; count++)
        {
            jobs.Add(await _heimdall.EnqueueAsync(
                HeimdallInstance.WaitAt("narrow"), cancellationToken, "held", "_id:narrow"));
        }

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/clusters", NoScripts);
        var page = window.Page;
        var row = page.Locator(".hd-clusters tbody tr", new() { HasText = "narrow" });
        await window.ReloadUntilAsync(row.GetByText("2 of 2"), cancellationToken);
        await Expect(row.GetByRole(AriaRole.Link, new() { Name = "3 queued on narrow" })).ToBeVisibleAsync();
        await row.GetByRole(AriaRole.Link, new() { Name = "narrow", Exact = true }).ClickAsync();
        await Expect(page.Locator("#hd-open")).ToContainTextAsync("2 of 2");
        await Expect(page.Locator("#hd-open")).ToContainTextAsync("Oldest waits");
        await page.GetByText("Pause …").ClickAsync();
        await Expect(page.GetByText("3 jobs wait and 2 run now.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "2 running on narrow" }).ClickAsync();
        await Expect(page.Locator(".hd-jobs tbody tr")).ToHaveCountAsync(2);

        await page.GotoAsync("/hangfire/sql/commands/postgres-0.0.1");
        await Expect(page.Locator("#hd-open")).ToContainTextAsync("Oldest waits");
        await page.GotoAsync("/hangfire/sql/commands/careful");
        await Expect(page.Locator("#hd-open")).ToContainTextAsync("0 of 1");
        await _heimdall.OpenGateAsync("narrow", cancellationToken);
        foreach (var job in jobs)
        {
            await _heimdall.WaitForStatusAsync(job, "SUCCEEDED", cancellationToken);
        }
    }

    [TestCase("cluster", "narrow")]
    [TestCase("command", "careful")]
    public async Task It_is_paused_resumed_and_taken_out_of_service_without_scripts(
        string kind, string id, CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, $"/hangfire/sql/{kind}s/{id}", NoScripts);
        var page = window.Page;
        await page.GetByText("Pause …").ClickAsync();
        await page.GetByLabel("How long").SelectOptionAsync("for 1 hour");
        await page.GetByLabel("Reason").FillAsync("the <disk> is full");
        await window.ByRole(AriaRole.Button, "Pause").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("by anonymous");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("the <disk> is full");
        var paused = (await _heimdall.GetAsync($"/api/v1/{kind}/{id}", cancellationToken)).AssertStatus(200).Json;
        Assert.That(paused.GetProperty("paused").GetProperty("reason").GetString(), Is.EqualTo("the <disk> is full"));
        Assert.That(paused.GetProperty("paused").TryGetProperty("until", out _), Is.True);

        await window.ByRole(AriaRole.Button, "Resume").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);

        await page.GetByText("Take out of service …").ClickAsync();
        await window.ByRole(AriaRole.Button, "Yes, take it out of service").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync("INACTIVE");
        var status = (await _heimdall.GetAsync($"/api/v1/{kind}/{id}/status", cancellationToken)).AssertStatus(200);
        Assert.That(status["status"], Is.EqualTo("INACTIVE"));
        await window.ByRole(AriaRole.Button, "Put into service").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).Not.ToContainTextAsync("INACTIVE");

        var audit = (await _heimdall.GetAsync($"/api/v1/audit?target={kind}/{id}", cancellationToken))
            .AssertStatus(200);
        var done = audit.Json.GetProperty("data").EnumerateArray()
            .Select(one => $"{one.GetProperty("action").GetString()} {one.GetProperty("outcome").GetString()}");
        Assert.That(done, Is.EqualTo(new[] { "status", "status", "resume", "pause" }
            .Select(action => $"POST /hangfire/sql/{kind}s/{{{kind}}}/{action} DONE")));
        Assert.That(window.Complaints, Is.Empty);
    }

    [TestCase("cluster", "postgres")]
    [TestCase("command", "postgres-0.0.1")]
    public async Task A_pause_of_a_colleague_is_shown_without_a_reload(
        string kind, string id, CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/{kind}s/{id}");
        var page = window.Page;
        await Expect(page.Locator("#hd-states")).ToBeEmptyAsync();

        (await _heimdall.SendAsync(
            HttpMethod.Post, $"/api/v1/{kind}/{id}/pause", cancellationToken,
            new StringContent("""{"reason": "the <disk> is full"}""", Encoding.UTF8, "application/json")))
            .AssertStatus(200);

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("the <disk> is full");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync("PAUSED");
        await window.ByRole(AriaRole.Button, "Resume").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);

        (await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/{kind}/{id}/status", cancellationToken,
            new StringContent("""{"status": "INACTIVE"}""", Encoding.UTF8, "application/json"))).AssertStatus(200);
        await Expect(window.ByRole(AriaRole.Button, "Put into service")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync("INACTIVE");
        await window.ByRole(AriaRole.Button, "Put into service").ClickAsync();
        await Expect(page.Locator("#hd-states")).ToBeEmptyAsync();
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_pause_of_the_panel_is_recorded_for_what_it_pauses(CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/clusters", NoScripts);
        await window.Page.GetByLabel("What to pause").SelectOptionAsync("queue/");
        await window.ByRole(AriaRole.Button, "Pause").ClickAsync();
        await window.ByRole(AriaRole.Button, "Resume the queue").ClickAsync();
        await Expect(window.Page.GetByText("Nothing is paused.")).ToBeVisibleAsync();

        var audit = (await _heimdall.GetAsync("/api/v1/audit?target=queue", cancellationToken)).AssertStatus(200);
        Assert.That(
            audit.Json.GetProperty("data").EnumerateArray().Select(one => one.GetProperty("action").GetString()),
            Is.EqualTo(new[] { "POST /hangfire/sql/pauses/end", "POST /hangfire/sql/pauses/add" }));
    }
}
