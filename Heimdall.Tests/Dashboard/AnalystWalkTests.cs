using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// An analyst in the console, by keyboard alone: writes a query, has it checked, mends it, runs it, reads a value,
/// plots it, downloads it, and schedules it.
/// </summary>
[CancelAfter(300_000)]
public sealed class AnalystWalkTests() : RealProcessTests(processes: 1)
{
    // Ends in what nothing is offered for: what is offered would take the next Tab.
    private const string Sql = "select n, n * n as square from generate_series(1, 20) s(n)";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task From_a_question_to_a_schedule(CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var (page, keys) = (window.Page, window.Page.Keyboard);

        await keys.PressAsync("Control+m"); // from now on Tab leaves the text, which has the focus
        await PressAsync(page, "Rename");
        await keys.TypeAsync("squares");
        await keys.PressAsync("Enter"); // and back in the text
        await WriteAsync(page, Sql.Replace("* n", "* nn", StringComparison.Ordinal));
        await PressAsync(page, "Check");
        await Expect(page.Locator("#hc-error")).ToContainTextAsync("42703");
        await PressAsync(page, "Line 1, column 15");
        await keys.PressAsync("Delete");
        await PressAsync(page, "Check");
        await page.ExpectStatusAsync("No error found");

        await keys.PressAsync("F6");
        await keys.PressAsync("Control+Enter");
        await page.ExpectStatusAsync("20 rows in ");
        await keys.PressAsync("F6");
        await Expect(page.Locator(".hc-grid")).ToBeFocusedAsync();
        await keys.PressAsync("Control+End");
        await Expect(page.Locator(".hc-active")).ToHaveTextAsync("400");
        await keys.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("400");
        await keys.PressAsync("Escape");

        await PressAsync(page, "Plot");
        await Expect(page.Locator("#hc-view svg").First).ToBeVisibleAsync();
        await PressAsync(page, "Rows");
        await TabToAsync(page, "CSV");
        var download = await page.RunAndWaitForDownloadAsync(() => keys.PressAsync("Enter"));
        var file = await File.ReadAllTextAsync(await download.PathAsync(), cancellationToken);
        Assert.That(file, Does.StartWith("n,square").And.Contain("20,400"));

        await PressAsync(page, "Schedule");
        await TabToAsync(page, "Times (cron)");
        await keys.PressAsync("Control+a");
        await keys.TypeAsync("0 5 * * 1");
        await PressAsync(page, "Make the schedule");
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("Scheduled. It runs next at");
        await keys.PressAsync("Escape"); // closes what was opened
        await Expect(page.Locator("#hc-drawer")).ToBeHiddenAsync();

        var schedule = (await _heimdall.GetAsync("/api/v1/schedule/squares", cancellationToken)).AssertStatus(200);
        Assert.That(
            (schedule["cron"], schedule.Json.GetProperty("context").GetProperty("query").GetString()),
            Is.EqualTo(("0 5 * * 1", Sql)));
        await _heimdall.FindJobAsync("squares", "SUCCEEDED", cancellationToken);
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    /// <summary>Types into the editor, which has the focus.</summary>
    private static async Task WriteAsync(IPage page, string sql)
    {
        await page.Keyboard.PressAsync("Control+a");
        await page.Keyboard.TypeAsync(sql);
        await Expect(page.Locator(".suggest-widget.visible")).ToHaveCountAsync(0);
    }

    private static async Task PressAsync(IPage page, string name)
    {
        await TabToAsync(page, name);
        await page.Keyboard.PressAsync("Enter");
    }

    /// <summary>Moves by Tab to what has a name.</summary>
    private static async Task TabToAsync(IPage page, string name)
    {
        for (var count = 0; count < 200; count++)
        {
            await page.Keyboard.PressAsync("Tab");
            var focused = await page.EvaluateAsync<string>("""
                () => {
                    const element = document.activeElement;
                    const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent;
                    return (label ?? element.textContent ?? '').trim();
                }
                """);
            if (focused == name)
            {
                return;
            }
        }
        Assert.Fail($"Tab does not reach '{name}'.");
    }
}
