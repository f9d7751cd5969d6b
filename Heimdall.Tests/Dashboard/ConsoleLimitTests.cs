using System.Globalization;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// Where the console meets a limit it says so: of connections, of watchers, of what a page of rows may hold; and what
/// became of a query that was cancelled before its reply began.
/// </summary>
[CancelAfter(300_000)]
public sealed class ConsoleLimitTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.MakeWaitFunctionAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_fifth_query_waits_and_leaves_room_for_the_rest_of_the_page(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("places", cancellationToken);
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        for (var count = 1; count <= 6; count++)
        {
            await page.RenameAsync($"place-{count}");
            await page.RunAsync("select wait_at('places') as n");
            await page.ExpectStatusAsync(count <= 4 ? "Running," : "Waiting until another query of this page");
            await window.ByRole(AriaRole.Button, "New text").ClickAsync();
        }
        await page.RunAsync("batch", "select 1");
        await page.ExpectStatusAsync("1 statement done");
        await window.ByRole(AriaRole.Tab, "place-5").ClickAsync();
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await page.ExpectStatusAsync("Cancelled in ");

        await _heimdall.OpenGateAsync("places", cancellationToken);
        await window.ByRole(AriaRole.Tab, "place-6").ClickAsync();
        await page.ExpectStatusAsync("1 row in ");

        await _heimdall.FindJobAsync("place-6", "SUCCEEDED", cancellationToken);
        var never = await _heimdall.GetAsync("/api/v1/jobs?name=place-5", cancellationToken);
        Assert.That(never.AssertStatus(200).Json.GetProperty("data").GetArrayLength(), Is.Zero);
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task Of_a_query_that_was_cancelled_before_its_first_row_the_job_is_found(
        CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync("before-rows");
        await page.RunAsync("select pg_sleep(600)");
        await _heimdall.FindJobAsync("before-rows", "RUNNING", cancellationToken);

        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();

        await page.ExpectStatusAsync("Cancelled in ");
        var job = await _heimdall.FindJobAsync("before-rows", "CANCELED", cancellationToken);
        await Expect(page.Locator("#hc-status a")).ToHaveAttributeAsync("href", $"/hangfire/sql/jobs/{job}");
        Assert.That(await page.Locator("#hc-status").InnerTextAsync(), Does.Not.Contain("succeeded"));
    }

    [Test]
    public async Task A_query_that_goes_on_after_a_cancel_is_followed_to_its_end(CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync("goes-on");
        var (looks, asked, isHeld) = (0, 0, true);
        await page.RouteAsync(
            new Regex("/api/v1/job/[0-9a-f-]{36}$"),
            async route =>
            {
                looks++;
                await (isHeld
                    ? route.FulfillAsync(new() { Json = new { id = Guid.Empty, status = "RUNNING" } })
                    : route.ContinueAsync());
            });
        await page.RouteAsync("**/cancel", async route =>
        {
            asked++;
            await route.FulfillAsync(new() { Status = 202, Json = new { status = "CANCELING" } });
        });
        await page.RunAsync("select pg_sleep(600)");
        await _heimdall.FindJobAsync("goes-on", "RUNNING", cancellationToken);

        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await page.RenameAsync("renamed-since");

        await page.ExpectStatusAsync("Asked to cancel; still running,");
        await Expect(page.Locator("#hc-status a")).ToBeVisibleAsync();
        var before = looks;
        await Eventually.Is(() => Task.FromResult(looks > before + 4), cancellationToken);
        await page.ExpectStatusAsync("Asked to cancel; still running,");
        await Expect(window.ByRole(AriaRole.Button, "Run")).ToBeDisabledAsync();
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await Eventually.Is(() => Task.FromResult(asked == 1), cancellationToken);

        isHeld = false;
        await page.ExpectStatusAsync("Cancelled in ");
        var job = await _heimdall.FindJobAsync("goes-on", "CANCELED", cancellationToken);
        await Expect(page.Locator("#hc-status a")).ToHaveAttributeAsync("href", $"/hangfire/sql/jobs/{job}");
    }

    [Test]
    public async Task A_query_that_failed_while_it_was_cancelled_is_shown_as_failed(CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync("fails-first");
        await page.RouteAsync("**/api/v1/job", async route => await route.FetchAsync()); // the page gets no reply

        await page.RunAsync("select 1 / 0");
        await _heimdall.FindJobAsync("fails-first", "FAILED", cancellationToken);
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();

        await page.ExpectStatusAsync("Failed in ");
        await Expect(page.Locator("#hc-error")).ToContainTextAsync("22012");
    }

    [Test]
    public async Task A_query_that_had_succeeded_when_it_was_cancelled_is_not_called_undone(
        CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table kept (n int)", cancellationToken);
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync("reply-held");
        await page.RouteAsync("**/api/v1/job", async route => await route.FetchAsync()); // the page gets no reply

        await page.RunAsync("insert into kept values (1) returning n");
        await _heimdall.FindJobAsync("reply-held", "SUCCEEDED", cancellationToken);
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();

        await page.ExpectStatusAsync("It had succeeded before: what it wrote is kept");
        await page.ExpectStatusAsync("Succeeded in ");
    }

    [Test]
    public async Task Of_a_query_that_never_reached_the_server_no_job_is_named()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RouteAsync("**/api/v1/job", _ => Task.CompletedTask);

        await page.RunAsync("select 'never sent'");
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();

        await page.ExpectStatusAsync("No job of it is recorded.");
        await Expect(page.Locator("#hc-status a")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task Of_wide_rows_a_page_has_fewer()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RunAsync("stored", "select n, repeat('x', 200000) as wide from generate_series(1, 80) n");
        await page.ExpectStatusAsync("80 rows, stored in ");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");

        await page.Locator(".hc-grid").FocusAsync();
        await page.Keyboard.PressAsync("Control+ArrowDown");
        await Expect(page.Locator(".hc-active")).ToHaveTextAsync("80");

        Assert.That(window.CountReplies("limit=31"), Is.GreaterThan(0), "a page of 125 rows would have 16 MB");
        await Expect(page.Locator("#hc-error")).ToBeHiddenAsync();
    }

    [Test]
    public async Task A_page_of_rows_that_breaks_off_is_asked_for_again()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        var broken = 0;
        await page.RouteAsync(url => url.Contains("limit=500", StringComparison.Ordinal), async route =>
        {
            if (broken++ < 2)
            {
                await route.FulfillAsync(new()
                {
                    Status = 200,
                    ContentType = "application/x-ndjson",
                    Body = "{\"columns\":[{\"name\":\"n\",\"type\":\"int4\"}]}\n[4711]\n[47",
                });
                return;
            }
            await route.ContinueAsync();
        });

        await page.RunAsync("stored", "select n from generate_series(1, 3000) n");
        await Expect(page.Locator(".hc-said")).ToContainTextAsync("The reply broke off.");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");

        Assert.That(await page.Locator(".hc-rows").InnerTextAsync(), Does.Not.Contain("4711"));
        await Expect(page.Locator(".hc-said")).ToBeEmptyAsync();
    }

    [Test]
    public async Task At_the_limit_of_watchers_a_batch_is_looked_at_and_followed_when_there_is_room(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Server = "max_watchers_per_caller: 1" });
        await heimdall.CloseGateAsync("watched", cancellationToken);
        var other = await heimdall.EnqueueAsync(HeimdallInstance.WaitAt("watched"), cancellationToken, "other");
        var taken = await heimdall.Client.GetAsync(
            $"/api/v1/job/{other}/events", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        Assert.That((int)taken.StatusCode, Is.EqualTo(200));

        await using var window = await heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RunAsync("batch", HeimdallInstance.WaitAt("watched"));
        await page.ExpectStatusAsync("follows 1 jobs");
        await page.ExpectStatusAsync("Asking again.");
        taken.Dispose();
        await Expect(page.Locator("#hc-status")).Not.ToContainTextAsync("Asking again.");
        await heimdall.OpenGateAsync("watched", cancellationToken);

        await page.ExpectStatusAsync("1 statement done");
        await Expect(page.Locator(".hd-log")).ToContainTextAsync("1  line 1  DO");
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task Edit_and_run_as_new_keeps_tags_priority_and_description(CancellationToken cancellationToken)
    {
        var first = (await _heimdall.PostJobAsync(
            """
            {"name": "told", "description": "what\nit is for", "tags": ["team:a", "cost:b"], "priority": 7,
            "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
            "context": {"query": "select 1"}}
            """,
            cancellationToken)).AssertStatus(202).Id;

        await using var window = await _heimdall.OpenConsoleAsync(query: $"?job={first}");
        var page = window.Page;
        await window.ByRole(AriaRole.Button, "Options").ClickAsync();
        await Expect(page.GetByLabel("Priority")).ToHaveValueAsync("7");
        await Expect(page.GetByLabel("Tags of its jobs")).ToHaveValueAsync("team:a\ncost:b");
        await page.RenameAsync("told-anew");
        await page.Keyboard.PressAsync("Control+Enter");
        await page.ExpectStatusAsync("1 statement done");

        var anew = await _heimdall.JobAsync(
            await _heimdall.FindJobAsync("told-anew", "SUCCEEDED", cancellationToken), cancellationToken);
        Assert.That(anew["description"], Is.EqualTo("what\nit is for"));
        Assert.That(anew["priority"], Is.EqualTo(7.ToString(CultureInfo.InvariantCulture)));
        Assert.That(
            anew.Json.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()),
            Is.EqualTo(new[] { "team:a", "cost:b", "source:console" }));
    }
}
