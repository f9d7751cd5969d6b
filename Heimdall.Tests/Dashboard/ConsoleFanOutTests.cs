using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Heimdall.Tests.Hooks;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The console runs a text on all clusters that match, follows each of them, and notifies hooks.</summary>
[CancelAfter(300_000)]
public sealed class ConsoleFanOutTests() : RealProcessTests(processes: 1)
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private HookReceiver _receiver = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _receiver = new HookReceiver();
        string Webhook(string id, string more) =>
            $"{{id: {id}, url: \"{_receiver.UrlOf(id)}\", secrets: [\"{Secret}\"]{more}}}";
        _heimdall = await HeimdallInstance.StartAsync(config => (config with
        {
            Hooks = "allow: [127.0.0.2], receivers: "
                + $"[{Webhook("ops", "")}, {Webhook("theirs", ", allowed_callers: [alice]")}]",
        }).WithCluster("east", "type:postgres, data:shop", config.Target)
            .WithCluster("west", "type:postgres, data:shop", config.Target)
            .WithCluster("\"pay\\u202eroll <b>\"", "type:postgres, data:odd", config.Target, ", id: odd")
            .WithCommand("shops", "type:shops", clusterTags: "type:postgres"));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Test]
    public async Task A_batch_runs_on_all_that_match_and_each_is_followed(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("shops", cancellationToken);
        await using var window = await OpenAsync(canary: 1);
        var page = window.Page;
        await Expect(page.Locator("#hc-match")).ToHaveTextAsync("Runs on 2 clusters");
        await page.Locator("#hc-match").ClickAsync();
        await Expect(page.Locator(".hc-targets li")).ToHaveTextAsync(
            ["east: goes first, alone", "west: waits for others of them"]);

        await page.RenameAsync("everywhere");
        await page.GetByLabel("Run as").SelectOptionAsync("batch");
        await page.WriteAsync(HeimdallInstance.WaitAt("shops"));
        await window.ByRole(AriaRole.Button, "Check").ClickAsync();
        await Expect(page.Locator("#hc-view")).ToContainTextAsync("It would run with shops on 2 clusters.");
        await window.ByRole(AriaRole.Button, "Run").ClickAsync();

        var rows = page.Locator(".hc-children tbody tr");
        await Expect(rows).ToHaveCountAsync(2);
        await Expect(rows.Nth(0)).ToContainTextAsync("RUNNING");
        await Expect(rows.Nth(1)).ToContainTextAsync("ACCEPTED");
        await page.ExpectStatusAsync("Running, 0 of 2 clusters ended,");
        await _heimdall.OpenGateAsync("shops", cancellationToken);
        await Expect(rows.Nth(1)).ToContainTextAsync("SUCCEEDED");
        await page.ExpectStatusAsync("2 statements done");
        await rows.Nth(1).GetByRole(AriaRole.Link, new() { Name = "west" }).ClickAsync();
        await Expect(page.Locator("#hd-title")).ToContainTextAsync("everywhere");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_plan_says_of_which_of_them_it_is()
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.WriteAsync("select 1");

        await page.Locator("#hc-explain").ClickAsync();

        await Expect(page.Locator("#hc-view h2")).ToHaveTextAsync(new Regex("^On (east|west)$"));
        await Expect(window.ByRole(AriaRole.Tab, "Clusters")).ToHaveCountAsync(0);
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task What_hides_in_a_name_is_written_out()
    {
        await using var window = await OpenAsync(criteria: "data:odd");
        var page = window.Page;
        await Expect(page.Locator("#hc-match")).ToHaveTextAsync("Runs on 1 cluster");
        await page.Locator("#hc-match").ClickAsync();
        await Expect(page.Locator(".hc-targets li")).ToContainTextAsync("U+202E");

        await page.RunAsync("batch", "select 1");
        await page.ExpectStatusAsync("statement done");

        var row = page.Locator(".hc-children tbody tr");
        await Expect(row).ToContainTextAsync("U+202E");
        await Expect(row).ToContainTextAsync("roll <b>");
        Assert.That((await row.InnerTextAsync()).Contains('\u202e'), Is.False);
        Assert.That(window.Complaints, Is.Empty);
    }

    [TestCase(ColorScheme.Dark, 900)]
    [TestCase(ColorScheme.Light, 390)]
    public async Task The_fields_and_the_table_fit_a_screen_and_can_be_read_by_anyone(ColorScheme colors, int width)
    {
        await using var window = await OpenAsync(
            canary: 1, new() { ColorScheme = colors, ViewportSize = new() { Width = width, Height = 900 } });
        var page = window.Page;
        await page.RunAsync("batch", "select 1 / 0");
        await page.ExpectStatusAsync("Failed in ");
        await window.ByRole(AriaRole.Button, "Options").ClickAsync();
        await Expect(page.Locator(".hc-hooks").GetByRole(AriaRole.Checkbox)).ToBeVisibleAsync();
        await PageTests.ShootAsync(page, $"console-all-{colors}-{width}");

        var overflow = await page.EvaluateAsync<int>("document.documentElement.scrollWidth - window.innerWidth");
        var result = await page.RunAxe(
            new AxeRunContext { Exclude = [new(".monaco-editor"), new(".monaco-aria-container")] },
            new AxeRunOptions { ResultTypes = [ResultType.Violations] });

        Assert.That(overflow, Is.LessThanOrEqualTo(0), "the page is wider than the screen");
        Assert.That(
            result.Violations.SelectMany(rule => rule.Nodes, (rule, node) => $"{rule.Id}: {node.Html}"), Is.Empty);
    }

    [Test]
    public async Task The_rows_of_a_query_have_their_clusters()
    {
        await using var window = await OpenAsync();
        var page = window.Page;

        await page.RunAsync("query", "select 7 as n");

        await page.ExpectStatusAsync("2 rows, stored in ");
        await Expect(page.Locator(".hc-grid")).ToContainTextAsync("_cluster");
        await Expect(page.CellsOf(column: 0)).ToHaveTextAsync(["east", "west"]);
        await window.ByRole(AriaRole.Tab, "Clusters").ClickAsync();
        await Expect(page.Locator(".hc-children tbody tr")).ToContainTextAsync(["SUCCEEDED", "SUCCEEDED"]);
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Hooks_are_chosen_of_those_that_the_caller_may_name(CancellationToken cancellationToken)
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.RenameAsync("told-of");
        await window.ByRole(AriaRole.Button, "Options").ClickAsync();
        var hooks = page.Locator(".hc-hooks");
        await Expect(hooks.GetByRole(AriaRole.Checkbox)).ToHaveCountAsync(1);
        await hooks.GetByLabel("When ops is notified").SelectOptionAsync("when it did not succeed");
        await hooks.GetByRole(AriaRole.Checkbox).CheckAsync();

        await page.RunAsync("batch", "select 1 / 0");

        await page.ExpectStatusAsync("Failed in ");
        await Expect(page.Locator("#hc-error")).ToContainTextAsync("22012");
        await Eventually.Is(() => Task.FromResult(_receiver.At("ops").Length == 1), cancellationToken);
        Assert.That(_receiver.At("ops")[0].Body, Does.Contain("told-of").And.Contain("FAILED"));
        await window.ByRole(AriaRole.Button, "Schedule").ClickAsync();
        await window.ByRole(AriaRole.Button, "Make the schedule").ClickAsync();
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("Scheduled.");
        var schedule = (await _heimdall.GetAsync("/api/v1/schedule/told-of", cancellationToken)).AssertStatus(200);
        Assert.That(schedule["target"], Is.EqualTo("all"));
        Assert.That(schedule.Json.GetProperty("on_end").ToString(), Does.Contain("ops").And.Contain("KILLED"));

        var jobs = (await _heimdall.GetAsync("/api/v1/jobs?name=told-of", cancellationToken)).AssertStatus(200);
        var parent = jobs.Json.GetProperty("data").EnumerateArray().Single(job => job.TryGetProperty("target", out _));
        await page.GotoAsync($"/console?job={parent.GetProperty("id").GetString()}");
        await page.ReadyAsync();
        await Expect(page.Locator("#hc-match")).ToHaveTextAsync("Runs on 2 clusters");
        await window.ByRole(AriaRole.Button, "Options").ClickAsync();
        await Expect(hooks.GetByRole(AriaRole.Checkbox)).ToBeCheckedAsync();
    }

    private async Task<BrowserPage> OpenAsync(
        int? canary = null, BrowserNewContextOptions? options = null, string criteria = "data:shop")
    {
        var window = await _heimdall.OpenConsoleAsync(options);
        var page = window.Page;
        await page.Locator("#hc-command").SelectOptionAsync("shops");
        await page.Locator("#hc-cluster").SelectOptionAsync(
            new SelectOptionValue { Label = "all that have these tags …" });
        await page.Locator("#hc-cluster-criteria").FillAsync(criteria);
        if (canary is { } first)
        {
            await page.Locator("#hc-canary").FillAsync($"{first}");
        }
        await page.Locator("#hc-cluster").FocusAsync(); // a field that is left is taken
        return window;
    }
}
