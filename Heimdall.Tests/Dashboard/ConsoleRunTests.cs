using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// What the console says of a job is what became of it: after a restart of the API, a lost reply, a cancel that came
/// too late, and a cluster that is gone.
/// </summary>
[CancelAfter(300_000)]
public sealed class ConsoleRunTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(WithStaging);
        await _heimdall.MakeWaitFunctionAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("stored", "select wait_at('restart stored') as n", "1 row, stored in ")]
    [TestCase("batch", "select wait_at('restart batch')", "1 statement done")]
    public async Task A_run_is_followed_through_a_restart_of_the_api(
        string mode, string sql, string end, CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync($"restart {mode}", cancellationToken);
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync($"restart-{mode}");
        await page.RunAsync(mode, sql);
        await _heimdall.FindJobAsync($"restart-{mode}", "RUNNING", cancellationToken);
        await page.ExpectStatusAsync("Job");

        await _heimdall.StopApiAsync();
        await page.ExpectStatusAsync("Asking again.");
        await Expect(page.Locator("#hc-cancel")).ToBeVisibleAsync();
        await _heimdall.StartApiAsync();
        await Expect(page.Locator("#hc-status")).Not.ToContainTextAsync("Asking again.");
        await _heimdall.OpenGateAsync($"restart {mode}", cancellationToken);

        await page.ExpectStatusAsync(end);
        await _heimdall.FindJobAsync($"restart-{mode}", "SUCCEEDED", cancellationToken);
        if (mode == "batch")
        {
            await Expect(page.Locator(".hd-log")).ToContainTextAsync("1  line 1  SELECT");
        }
        else
        {
            await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");
        }
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task A_job_whose_reply_was_lost_is_sent_again_and_runs_once(CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync("lost-reply");
        var isLost = false;
        await page.RouteAsync("**/api/v1/job", async route =>
        {
            if (isLost)
            {
                await route.ContinueAsync();
                return;
            }
            isLost = true;
            await route.FetchAsync();
            await route.AbortAsync("connectionreset");
        });

        await page.RunAsync("batch", "select 1");
        await page.ExpectStatusAsync("1 statement done");

        Assert.That(isLost);
        await _heimdall.FindJobAsync("lost-reply", "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task A_cancel_that_comes_too_late_or_fails_is_not_shown_as_one(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("late", cancellationToken);
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RenameAsync("too-late");
        var isFirst = true;
        await page.RouteAsync("**/cancel", async route =>
        {
            if (isFirst)
            {
                isFirst = false;
                await route.AbortAsync("connectionreset");
                return;
            }
            await _heimdall.OpenGateAsync("late", cancellationToken);
            await _heimdall.FindJobAsync("too-late", "SUCCEEDED", cancellationToken);
            await route.ContinueAsync();
        });

        await page.RunAsync("batch", HeimdallInstance.WaitAt("late"));
        await _heimdall.FindJobAsync("too-late", "RUNNING", cancellationToken);
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await Expect(page.Locator("#hc-alert")).ToContainTextAsync("The connection failed.");
        await page.ExpectStatusAsync("Running,");
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();

        await page.ExpectStatusAsync("The cancel came too late.");
        await page.ExpectStatusAsync("1 statement done");
        Assert.That(await page.Locator("#hc-status").InnerTextAsync(), Does.Not.Contain("Cancelled"));
    }

    [Test]
    public async Task Eight_batches_leave_room_for_a_query_and_a_cancel(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("many", cancellationToken);
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        for (var count = 0; count < 8; count++)
        {
            await page.RunAsync("batch", HeimdallInstance.WaitAt("many"));
            await page.ExpectStatusAsync("Job");
            await window.ByRole(AriaRole.Button, "New text").ClickAsync();
        }

        await page.RunAsync("query", "select 'still here' as t");
        await page.ExpectStatusAsync("1 row in ");
        await window.ByRole(AriaRole.Tab, "Text 8").ClickAsync();
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await page.ExpectStatusAsync("Cancelled in ");
        await _heimdall.OpenGateAsync("many", cancellationToken);
        await window.ByRole(AriaRole.Tab, "Text 1").ClickAsync();
        await page.ExpectStatusAsync("1 statement done");
        await Expect(page.Locator(".hd-log")).ToContainTextAsync("1  line 1  DO");
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task A_query_ends_with_its_text(CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await window.ByRole(AriaRole.Button, "New text").ClickAsync();
        await page.RenameAsync("closed");
        await page.RunAsync("query", "select pg_sleep(600)");
        await _heimdall.FindJobAsync("closed", "RUNNING", cancellationToken);

        await window.ByRole(AriaRole.Button, "Close closed").ClickAsync();
        await Expect(page.Locator("#hc-alert")).ToContainTextAsync("Close it once more");
        await window.ByRole(AriaRole.Button, "Close closed").ClickAsync();

        await _heimdall.FindJobAsync("closed", "CANCELED", cancellationToken);
    }

    [Test]
    public async Task Stored_rows_that_cannot_be_read_for_a_while_are_asked_for_again()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        var refused = 0;
        await page.RouteAsync(url => url.Contains("limit=500", StringComparison.Ordinal), async route =>
        {
            if (refused++ < 2)
            {
                await route.FulfillAsync(new() { Status = 503, Body = "no" });
                return;
            }
            await route.ContinueAsync();
        });

        await page.RunAsync("stored", "select n from generate_series(1, 3000) n");
        await Expect(page.Locator(".hc-said")).ToContainTextAsync("Rows cannot be read:");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");

        await page.ExpectStatusAsync("3,000 rows, stored in ");
        await Expect(page.Locator(".hc-said")).ToBeEmptyAsync();
        await Expect(page.Locator("#hc-error")).ToBeHiddenAsync();
    }

    [Test]
    public async Task A_query_that_has_succeeded_is_not_called_failed_because_its_rows_are_not_stored()
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Results = "enabled: false" });
        await using var window = await heimdall.OpenConsoleAsync();
        var page = window.Page;

        await page.RunAsync("stored", "select 1 as n");

        await page.ExpectStatusAsync("Its rows cannot be shown: ");
        Assert.That(await page.Locator("#hc-status").InnerTextAsync(), Does.Not.Contain("Failed"));
        await Expect(page.Locator("#hc-error")).ToBeHiddenAsync();
    }

    [Test]
    public async Task A_cluster_that_is_gone_is_not_replaced_by_another(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(WithStaging, worker: false);
        await using var window = await heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.Locator("#hc-cluster").SelectOptionAsync("staging");
        await page.WriteAsync("select 1");
        await Expect(page.Locator("#hc-match")).ToHaveTextAsync("Runs with postgres-0.0.1 on staging");
        await heimdall.StopApiAsync();
        heimdall.Configure(config => config);
        await heimdall.Store.ExecuteAsync(
            "update heimdall.cluster set removed_at = now() where id = 'staging'", cancellationToken);
        await heimdall.StartApiAsync();

        await page.ReloadAsync();
        await page.ReadyAsync();
        await Expect(page.Locator("#hc-cluster")).ToHaveValueAsync("staging");
        await Expect(page.Locator("#hc-cluster option:checked")).ToHaveTextAsync("staging (gone)");
        await Expect(page.Locator("#hc-match")).ToHaveClassAsync("hd-failure");
        await page.Keyboard.PressAsync("Control+Enter");
        await page.ExpectStatusAsync("Failed in ");

        var jobs = (await heimdall.GetAsync("/api/v1/jobs", cancellationToken)).AssertStatus(200);
        Assert.That(jobs.Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    private static InstanceConfig WithStaging(InstanceConfig config) =>
        config.WithCluster("staging", "type:postgres, data:local, data:staging", config.Target);
}
