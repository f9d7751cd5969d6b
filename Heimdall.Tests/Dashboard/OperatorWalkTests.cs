using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// An operator is called at night: what is broken, since when, who blocks; pause, cancel, and run forty jobs again. By
/// keyboard alone, and once more without scripts.
/// </summary>
[CancelAfter(300_000)]
public sealed class OperatorWalkTests() : RealProcessTests(processes: 1)
{
    private const int Broken = 40;

    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config
            .WithCluster("warehouse", "type:postgres, data:local", config.Target)
            with
        {
            Worker = "lease: 2s, concurrency: 8",
        });
        await _heimdall.Target.ExecuteAsync("create table books (n int)", CancellationToken.None);
    }

    [TearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase(true)]
    [TestCase(false)]
    public async Task At_three_in_the_morning(bool withScripts, CancellationToken cancellationToken)
    {
        for (var count = 0; count < Broken; count++)
        {
            await _heimdall.EnqueueAsync("insert into missing_books values (1)", cancellationToken, "nightly-load");
        }
        await _heimdall.CloseGateAsync("night", cancellationToken);
        var blocker = await _heimdall.EnqueueAsync(
            $"lock table books; {HeimdallInstance.WaitAt("night")}", cancellationToken, "month-end");
        await Eventually.Is(
            () => _heimdall.Target.ScalarAsync<bool>(
                "select exists (select from pg_locks where relation = 'books'::regclass and granted)",
                cancellationToken),
            cancellationToken);
        var blocked = await _heimdall.EnqueueAsync("insert into books values (1)", cancellationToken, "invoice");
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where status = 'FAILED'", cancellationToken),
            () => Is.EqualTo(Broken), cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/", new()
            {
                JavaScriptEnabled = withScripts,
                ExtraHTTPHeaders = [KeyValuePair.Create("Accept", "text/html")],
            });
        var page = window.Page;
        await Expect(page).ToHaveTitleAsync("Overview – Heimdall");
        // What the clusters say of locks and what is counted is seconds old.
        await window.ReloadUntilAsync(
            page.Locator("#hd-blocked").GetByRole(AriaRole.Link, new() { Name = "invoice" }), cancellationToken);
        await window.ReloadUntilAsync(
            page.Locator("#hd-failures tbody tr", new() { HasText = "40" }), cancellationToken);
        await Expect(page.Locator("#hd-failures tbody tr")).ToContainTextAsync("42P01");
        if (withScripts)
        {
            await window.ByRole(AriaRole.Button, "Stop").FocusAsync(); // what moves is hard to read
            await page.Keyboard.PressAsync("Enter");
        }

        await GoToAsync(page, $"job {blocker}");
        await Expect(page.Locator("#hd-title")).ToContainTextAsync("month-end");
        await GoToAsync(page, "Cancel");
        await GoToAsync(page, "Yes, cancel it");
        await _heimdall.WaitForStatusAsync(blocker, "CANCELED", cancellationToken);
        await _heimdall.WaitForStatusAsync(blocked, "SUCCEEDED", cancellationToken);

        await GoToAsync(page, "Clusters");
        await GoToAsync(page, "warehouse");
        await GoToAsync(page, "Pause …");
        await TabToAsync(page, "Reason");
        await page.Keyboard.TypeAsync("the disk is full");
        await GoToAsync(page, "Pause");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("the disk is full");

        await _heimdall.Target.ExecuteAsync("create table missing_books (n int)", cancellationToken);
        await GoToAsync(page, "Overview");
        await GoToAsync(page, "nightly-load");
        await Expect(page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("name=nightly-load&status=FAILED"));
        await GoToAsync(page, "Run again all that match …");
        await GoToAsync(page, $"Run again: {Broken} jobs");
        await Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync($"{Broken} of {Broken} jobs");
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where retry_of is not null and status = 'SUCCEEDED'",
                cancellationToken),
            () => Is.EqualTo(Broken), cancellationToken);
        Assert.That(
            await _heimdall.Target.ScalarAsync<long>("select count(*) from missing_books", cancellationToken),
            Is.EqualTo(Broken));
        Assert.That(window.Complaints, Is.Empty);
    }

    /// <summary>Moves by Tab to what has a name, and presses Enter.</summary>
    private static async Task GoToAsync(IPage page, string name)
    {
        await TabToAsync(page, name);
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForLoadStateAsync();
    }

    /// <summary>Without scripts in the page it is asked by the browser's own tree what has the focus.</summary>
    private static async Task TabToAsync(IPage page, string name)
    {
        for (var count = 0; count < 300; count++)
        {
            await page.Keyboard.PressAsync("Tab");
            var focused = page.Locator(":focus");
            if (await focused.CountAsync() == 1 && await NameOfAsync(focused) == name)
            {
                return;
            }
        }
        Assert.Fail($"Tab does not reach '{name}' on {page.Url}.");
    }

    private static async Task<string> NameOfAsync(ILocator element) =>
        await element.GetAttributeAsync("aria-label") ?? (await element.TextContentAsync() ?? "").Trim();
}
