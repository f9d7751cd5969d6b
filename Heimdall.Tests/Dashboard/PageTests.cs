using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>What is asked of every page: fit for any screen and for assistive technology, its own origin only, and no script of a job's runs.</summary>
[CancelAfter(300_000)]
public sealed class PageTests() : RealProcessTests(processes: 1)
{
    private const string Hostile = "<img src=x onerror=alert('xss')><script>alert('xss')</script>\"'&";

    private const string Criteria = "command_criteria: [type:postgres], cluster_criteria: [data:reporting], context: {query: select 1}";
    private const string HostileName = "<img src=x onerror=alert('xss')>"; // PostgreSQL's names are short

    private static readonly string[] _hangfirePages =
        ["/hangfire", "/hangfire/jobs/enqueued", "/hangfire/jobs/failed", "/hangfire/jobs/succeeded", "/hangfire/recurring", "/hangfire/servers", "/hangfire/retries"];

    private HeimdallInstance _heimdall = null!;
    private Guid _running;
    private Guid _failed;
    private Guid _result;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => (config with
        {
            Hooks = "allow: [127.0.0.2], receivers: [{id: ops, url: \"http://127.0.0.2:1/ops\", "
                + "secrets: [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"], events: [cluster.down, schedule.late]}]",
        })
            .WithCluster("reporting-eu", "type:postgres, data:local, data:reporting", config.Target)
            .WithCluster("warehouse", "type:postgres, data:warehouse", "postgresql://someone@127.0.0.1:1/nothing")
            .WithSchedule($"\"{Hostile.Replace("\"", "\\\"", StringComparison.Ordinal)}\"", $"id: nightly, cron: 30 2 * * *, timezone: Europe/Berlin, {Criteria}"));
        await _heimdall.CloseGateAsync("open", CancellationToken.None);
        _running = await _heimdall.EnqueueAsync(
            $"create table loaded (n int);\ninsert into loaded select generate_series(1, 1000);\ndo $$ begin raise notice 'a thousand rows are in'; end $$;\n{HeimdallInstance.WaitAt("open")};\nselect 1",
            CancellationToken.None,
            "nightly-load");
        var wrong = string.Join('\n', Enumerable.Range(1, 30).Select(line => line == 14 ? "insert into missing_table select 1 where 'a long condition' <> 'that does not fit a phone at all';" : $"select {line};"));
        _failed = await _heimdall.EnqueueAsync(wrong, CancellationToken.None, "raise-salaries");
        await _heimdall.WaitForEndAsync(_failed, CancellationToken.None);
        var table = await _heimdall.SubmitAsync(
            "select n as id, 'employee ' || n as name, now() as seen, null as nothing from generate_series(1, 12) n", returnResult: true, CancellationToken.None, "headcount", prefer: "respond-async");
        _result = table.Id;
        await _heimdall.WaitForEndAsync(_result, CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("overview", ColorScheme.Light, 1440)]
    [TestCase("overview", ColorScheme.Dark, 1440)]
    [TestCase("overview", ColorScheme.Light, 900)]
    [TestCase("overview", ColorScheme.Light, 390)]
    [TestCase("overview", ColorScheme.Dark, 390)]
    [TestCase("audit", ColorScheme.Light, 1280)]
    [TestCase("audit", ColorScheme.Dark, 390)]
    [TestCase("hooks", ColorScheme.Light, 1280)]
    [TestCase("hooks", ColorScheme.Dark, 390)]
    [TestCase("engine", ColorScheme.Light, 900)]
    [TestCase("engine", ColorScheme.Dark, 390)]
    [TestCase("list", ColorScheme.Light, 1280)]
    [TestCase("list", ColorScheme.Dark, 1280)]
    [TestCase("list", ColorScheme.Light, 360)]
    [TestCase("list", ColorScheme.Dark, 360)]
    [TestCase("running", ColorScheme.Light, 1280)]
    [TestCase("running", ColorScheme.Dark, 360)]
    [TestCase("failed", ColorScheme.Light, 360)]
    [TestCase("failed", ColorScheme.Dark, 1280)]
    [TestCase("result", ColorScheme.Light, 1280)]
    [TestCase("result", ColorScheme.Dark, 360)]
    [TestCase("schedules", ColorScheme.Light, 360)]
    [TestCase("schedules", ColorScheme.Dark, 1280)]
    [TestCase("schedule", ColorScheme.Dark, 360)]
    [TestCase("schedule", ColorScheme.Light, 1280)]
    [TestCase("clusters", ColorScheme.Light, 1280)]
    [TestCase("clusters", ColorScheme.Dark, 360)]
    [TestCase("schedule edit", ColorScheme.Light, 1440)]
    [TestCase("schedule edit", ColorScheme.Dark, 390)]
    [TestCase("cluster", ColorScheme.Light, 900)]
    [TestCase("cluster", ColorScheme.Dark, 390)]
    [TestCase("commands", ColorScheme.Dark, 1440)]
    [TestCase("commands", ColorScheme.Light, 390)]
    [TestCase("command", ColorScheme.Dark, 900)]
    [TestCase("command", ColorScheme.Light, 390)]
    [TestCase("bulk", ColorScheme.Light, 1440)]
    [TestCase("bulk", ColorScheme.Dark, 390)]
    [TestCase("overview", ColorScheme.Dark, 900)]
    [TestCase("audit", ColorScheme.Dark, 900)]
    [TestCase("hooks", ColorScheme.Dark, 900)]
    [TestCase("engine", ColorScheme.Dark, 900)]
    [TestCase("list", ColorScheme.Dark, 900)]
    [TestCase("running", ColorScheme.Dark, 900)]
    [TestCase("failed", ColorScheme.Dark, 900)]
    [TestCase("result", ColorScheme.Dark, 900)]
    [TestCase("schedules", ColorScheme.Dark, 900)]
    [TestCase("schedule", ColorScheme.Dark, 900)]
    [TestCase("schedule edit", ColorScheme.Dark, 900)]
    [TestCase("clusters", ColorScheme.Dark, 900)]
    [TestCase("cluster", ColorScheme.Dark, 900)]
    [TestCase("commands", ColorScheme.Dark, 900)]
    [TestCase("bulk", ColorScheme.Dark, 900)]
    public async Task A_page_fits_its_screen_and_can_be_read_by_anyone(string name, ColorScheme colors, int width)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, PathOf(name), new() { ColorScheme = colors, ViewportSize = new() { Width = width, Height = 800 } });
        var page = window.Page;
        await Expect(page.GetByRole(AriaRole.Main)).ToBeVisibleAsync();
        if (name == "running")
        {
            await Expect(page.Locator("#hd-log")).ToContainTextAsync("a thousand rows are in");
            await Expect(page.Locator("#hd-part-session")).ToContainTextAsync("active");
        }
        await ShootAsync(page, $"{name}-{colors}-{width}");

        var overflow = await page.EvaluateAsync<int>("document.documentElement.scrollWidth - window.innerWidth");
        var result = await page.RunAxe(new AxeRunOptions { ResultTypes = [ResultType.Violations] });

        Assert.That(overflow, Is.LessThanOrEqualTo(0), "the page is wider than the screen");
        Assert.That(result.Violations.SelectMany(rule => rule.Nodes, (rule, node) => $"{rule.Id}: {node.Html} {string.Join(' ', node.Any.Select(check => check.Message))}"), Is.Empty);
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Nothing_comes_from_another_host_and_the_policy_hinders_nothing()
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire");
        string[] ours =
        [
            "list", "failed", "clusters", "cluster", "commands", "command", "schedules", "schedule", "schedule edit",
            "bulk", "console",
        ];
        foreach (var path in (string[])[.. _hangfirePages, .. ours.Select(PathOf)])
        {
            var reply = await window.Page.GotoAsync(path, new() { WaitUntil = WaitUntilState.NetworkIdle });

            Assert.That(reply!.Status, Is.EqualTo(200), path);
            Assert.That(reply.Headers["content-security-policy"], Does.Contain("default-src 'none'").And.Contain("script-src 'self'"), path);
            Assert.That(window.Complaints, Is.Empty, path);
        }
    }

    [Test]
    public async Task What_a_job_says_is_text(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("hostile", cancellationToken);
        var query = $"""
            -- {Hostile}
            do $x$ begin raise notice '%', $h${Hostile}$h$; end $x$;
            {HeimdallInstance.WaitAt("hostile")};
            do $x$ begin raise exception '%', $h${Hostile}$h$ using hint = $h${Hostile}$h$, detail = $h${Hostile}$h$; end $x$
            """;
        var id = (await _heimdall.SubmitAsync(query, returnResult: false, cancellationToken, Hostile, user: Hostile.Replace("\"", "", StringComparison.Ordinal))).AssertStatus(202).Id;
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{id}");
        var page = window.Page;
        await Expect(page.Locator("#hd-log")).ToContainTextAsync(Hostile);
        await _heimdall.OpenGateAsync("hostile", cancellationToken);
        await Expect(page.Locator("#hd-part-errors")).ToContainTextAsync(Hostile);
        await Expect(page.Locator("#hd-title")).ToContainTextAsync(Hostile);
        await Expect(page.Locator("#hd-part-sql")).ToContainTextAsync(Hostile);
        await Expect(page.Locator("#hd-part-attempts")).ToContainTextAsync(Hostile);
        var rows = await _heimdall.SubmitAsync($"select $h${Hostile}$h$ as \"{HostileName}\"", returnResult: true, cancellationToken, prefer: "respond-async");
        await _heimdall.WaitForStatusAsync(rows.Id, "SUCCEEDED", cancellationToken);
        await page.GotoAsync($"/hangfire/sql/jobs/{rows.Id}");
        await Expect(page.Locator("#hd-part-result td")).ToHaveTextAsync(Hostile);
        await Expect(page.Locator("#hd-part-result th")).ToContainTextAsync(HostileName);
        await page.GotoAsync($"/hangfire/sql/jobs?{QueryOf(("name", Hostile))}");
        await Expect(page.Locator(".hd-jobs tbody tr")).ToHaveCountAsync(1);
        await Expect(page.GetByLabel("Name")).ToHaveValueAsync(Hostile);
        await page.GotoAsync($"/hangfire/sql/jobs?{QueryOf(("cluster", Hostile), ("status", Hostile), (Hostile, Hostile))}");
        await Expect(page.GetByRole(AriaRole.Alert).First).ToContainTextAsync(Hostile);

        Assert.That(await page.Locator("img, main script").CountAsync(), Is.Zero);
        // The last page is a refusal, which the browser's console tells of.
        Assert.That(window.Complaints.Where(complaint => !complaint.Contains("400 (Bad Request)", StringComparison.Ordinal)), Is.Empty);
    }

    /// <summary>Of the console the editor is left out: a browser keeps it.</summary>
    [Test]
    public async Task A_page_is_small_when_nothing_of_it_is_kept()
    {
        string[] names =
        [
            "overview", "list", "running", "failed", "result", "schedules", "schedule", "schedule edit", "clusters",
            "cluster", "commands", "command", "audit", "engine", "bulk", "console",
        ];
        var told = new List<string>();
        foreach (var name in names)
        {
            await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/healthz");
            var session = await window.Page.Context.NewCDPSessionAsync(window.Page);
            await session.SendAsync("Network.enable");
            var addresses = new Dictionary<string, string>();
            var bytes = 0.0;
            session.Event("Network.responseReceived").OnEvent += (_, message) => addresses[Id(message)] =
                message!.Value.GetProperty("response").GetProperty("url").GetString()!;
            session.Event("Network.loadingFinished").OnEvent += (_, message) => bytes +=
                addresses.GetValueOrDefault(Id(message), "").Contains("/monaco/", StringComparison.Ordinal)
                    ? 0 : message!.Value.GetProperty("encodedDataLength").GetDouble();

            await window.Page.GotoAsync(PathOf(name), new() { WaitUntil = WaitUntilState.NetworkIdle });
            var paint = await window.Page.EvaluateAsync<double>(
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1");

            told.Add($"{name}: {bytes / 1000:0} kB, first paint after {paint:0} ms");
            Assert.That(bytes, Is.GreaterThan(5_000).And.LessThan(150_000), told[^1]);
        }
        await TestContext.Out.WriteLineAsync(string.Join('\n', told));

        static string Id(System.Text.Json.JsonElement? message) => message!.Value.GetProperty("requestId").GetString()!;
    }

    private string PathOf(string name) => name switch
    {
        "running" => $"/hangfire/sql/jobs/{_running}",
        "failed" => $"/hangfire/sql/jobs/{_failed}",
        "result" => $"/hangfire/sql/jobs/{_result}",
        "clusters" => "/hangfire/sql/clusters",
        "cluster" => "/hangfire/sql/clusters/reporting-eu",
        "commands" => "/hangfire/sql/commands",
        "command" => "/hangfire/sql/commands/postgres-0.0.1",
        "bulk" => "/hangfire/sql/bulk/retry?status=FAILED",
        "console" => "/console",
        "schedule edit" => "/hangfire/sql/schedules/nightly/edit",
        "overview" => "/hangfire",
        "audit" => "/hangfire/sql/audit",
        "hooks" => "/hangfire/sql/hooks",
        "engine" => "/hangfire/sql/engine",
        "schedules" => "/hangfire/sql/schedules",
        "schedule" => "/hangfire/sql/schedules/nightly",
        _ => "/hangfire/sql/jobs",
    };

    private static string QueryOf(params (string Name, string Value)[] fields) =>
        string.Join('&', fields.Select(field => $"{Uri.EscapeDataString(field.Name)}={Uri.EscapeDataString(field.Value)}"));

    /// <summary>For people who want to look.</summary>
    internal static async Task ShootAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("HEIMDALL_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}.png"), FullPage = true });
        }
    }
}
