using System.Globalization;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>What an analyst does on the console's page, and reads there.</summary>
internal static class ConsoleWindow
{
    public static async Task<BrowserPage> OpenConsoleAsync(
        this HeimdallInstance heimdall, BrowserNewContextOptions? options = null, string query = "")
    {
        var window = await DashboardBrowser.Browser.OpenAsync(heimdall, $"/console{query}", options);
        await ReadyAsync(window.Page);
        return window;
    }

    /// <summary>Queries wait at a gate by <c>select wait_at('gate')</c>.</summary>
    public static async Task MakeWaitFunctionAsync(this HeimdallInstance heimdall)
    {
        await heimdall.CloseGateAsync("none", CancellationToken.None); // makes the table of gates
        await heimdall.OpenGateAsync("none", CancellationToken.None);
        await heimdall.Target.ExecuteAsync(
            """
            create function wait_at(gate_name text) returns int language plpgsql as $f$ begin
            while exists (select from gate where name = gate_name) loop perform pg_sleep(0.02); end loop; return 1; end $f$
            """,
            CancellationToken.None);
    }

    public static Task ReadyAsync(this IPage page) =>
        Expect(page.Locator("html")).ToHaveAttributeAsync("data-console", "ready");

    /// <summary>Puts a text into the editor, in place of what is there.</summary>
    public static Task WriteAsync(this IPage page, string sql) => page.EvaluateAsync(
        "sql => { const editor = monaco.editor.getEditors()[0]; editor.setValue(sql); editor.focus(); }", sql);

    public static async Task RunAsync(this IPage page, string sql)
    {
        await page.WriteAsync(sql);
        await page.Keyboard.PressAsync("Control+Enter");
    }

    /// <summary>The same, as a batch or with the rows stored.</summary>
    public static async Task RunAsync(this IPage page, string mode, string sql)
    {
        await page.GetByLabel("Run as").SelectOptionAsync(mode);
        await page.RunAsync(sql);
    }

    /// <summary>Names the text that is shown, and so its jobs.</summary>
    public static async Task RenameAsync(this IPage page, string name)
    {
        await page.Locator("#hc-rename").ClickAsync();
        await page.Keyboard.TypeAsync(name);
        await page.Keyboard.PressAsync("Enter");
    }

    public static async Task ExpectStatusAsync(this IPage page, string text) =>
        await Expect(page.Locator("#hc-status")).ToContainTextAsync(text);

    /// <summary>Where the editor shows errors, with their codes.</summary>
    public static Task<string> MarksAsync(this IPage page) => page.EvaluateAsync<string>(
        "monaco.editor.getModelMarkers({owner: 'heimdall'})"
        + ".map(mark => `${mark.startLineNumber}:${mark.startColumn} ${mark.code}`).join()");

    public static ILocator CellsOf(this IPage page, int column) =>
        page.Locator(string.Create(CultureInfo.InvariantCulture, $".hc-row [data-column='{column}']"));

    public static async Task<string> DownloadAsync(this IPage page, string name, AriaRole role = AriaRole.Button)
    {
        var download = await page.RunAndWaitForDownloadAsync(
            () => page.GetByRole(role, new() { Name = name, Exact = true }).ClickAsync());
        return await File.ReadAllTextAsync(await download.PathAsync());
    }

    /// <summary>The browser's console tells of each reply that is a refusal, and of each that does not come.</summary>
    public static bool IsNoRefusal(string complaint) =>
        !complaint.Contains("Failed to load resource", StringComparison.Ordinal);
}
