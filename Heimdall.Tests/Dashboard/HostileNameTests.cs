using System.Text;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// Clusters and commands whose names, descriptions and tags are markup, hide characters, are long, or have what is
/// special in an address: their pages show them as they are, and their buttons change them and nothing else.
/// </summary>
[CancelAfter(300_000)]
public sealed class HostileNameTests() : RealProcessTests(processes: 1)
{
    private const string Markup = "<img src=x onerror=alert('xss')><script>alert('xss')</script>'&";

    private static readonly string[] _names =
    [
        Markup, "a/b\\c", "100%2F..%00?x=1#y", "pay\u202eroll\u2066s\u200b", new('w', 300), "  blanks  ",
        "javascript:alert('xss')", "\u00e4\u4e2d\U0001f600",
    ];

    private HeimdallInstance _heimdall = null!;

    /// <summary>An id may be any text too: those of the second and third are their names.</summary>
    private static string IdOf(int at) => at is 1 or 2 ? _names[at] : $"c{at}";

    private static IEnumerable<TestCaseData> Cases => _names.SelectMany((name, at) =>
        new[] { "cluster", "command" }.Select(kind => new TestCaseData(kind, at).SetArgDisplayNames(kind, $"{at}")));

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => _names.Index().Aggregate(
        config, (all, name) => all
            .WithCluster(
                Quote(name.Item), "type:postgres", config.Target,
                $", id: {Quote(IdOf(name.Index))}, description: {Quote(Markup)}")
            .WithCommand(
                Quote(name.Item), "type:odd", $", id: {Quote(IdOf(name.Index))}, description: {Quote(Markup)}")));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCaseSource(nameof(Cases))]
    public async Task Its_page_and_its_row_show_it_and_its_buttons_change_it(
        string kind, int at, CancellationToken cancellationToken)
    {
        var (shown, path) = (Shown(_names[at]), $"/hangfire/sql/{kind}s/{Uri.EscapeDataString(IdOf(at))}");
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/{kind}s");
        var page = window.Page;
        await page.Locator($".hd-clusters a[href=\"{path}\"]").ClickAsync();

        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync(shown);
        await Expect(page.GetByRole(AriaRole.Paragraph).Filter(new() { HasText = Markup })).ToBeVisibleAsync();
        await page.GetByText("Pause …").ClickAsync();
        await page.GetByLabel("Reason").FillAsync($"{kind} {at}: {Markup} {_names[at]}");
        await window.ByRole(AriaRole.Button, "Pause").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync(Markup);
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync(shown);
        await FitsAsync(page);
        Assert.That(
            (await page.ContentAsync()).IndexOfAny(['\u202e', '\u2066', '\u200b']), Is.EqualTo(-1),
            "what hides is written out");
        await page.GotoAsync("/hangfire/sql/clusters");
        await Expect(page.GetByRole(AriaRole.Listitem).Filter(new() { HasText = $"{kind} {at}: {Markup}" }))
            .ToHaveCountAsync(1);
        await FitsAsync(page);
        await page.GotoAsync(path);
        await window.ByRole(AriaRole.Button, "Resume").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        await page.GetByRole(AriaRole.Link, new() { Name = "All its jobs" }).ClickAsync();
        await Expect(page.GetByLabel(kind == "cluster" ? "Cluster" : "Command")).ToHaveValueAsync(IdOf(at));

        Assert.That(await page.Locator("img, main script").CountAsync(), Is.Zero);
        var pauses = (await _heimdall.GetAsync("/api/v1/queue", cancellationToken)).AssertStatus(200);
        Assert.That(pauses.Text, Does.Not.Contain($"{kind} {at}:"));
        Assert.That(window.Complaints, Is.Empty);
    }

    [TestCase("cluster")]
    [TestCase("command")]
    public async Task An_id_that_there_is_not_is_shown_as_text(string kind)
    {
        foreach (var id in new[] { Markup, "a/b", "..", "100%", "%2F", "pay\u202eroll", new string('w', 2_000) })
        {
            await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/healthz");
            var reply = await window.Page.GotoAsync($"/hangfire/sql/{kind}s/x{Uri.EscapeDataString(id)}");

            Assert.That(reply!.Status, Is.EqualTo(404), id);
            Assert.That(await window.Page.Locator("img, main script").CountAsync(), Is.Zero, id);
            Assert.That((await window.Page.ContentAsync()).Contains('\u202e'), Is.False, id);
        }
    }

    private static async Task FitsAsync(IPage page) => Assert.That(
        await page.EvaluateAsync<int>("document.documentElement.scrollWidth - window.innerWidth"),
        Is.LessThanOrEqualTo(0), $"{page.Url} is wider than the screen");

    /// <summary>As the pages show it: what hides is written out, and HTML joins blanks.</summary>
    private static string Shown(string name) => name
        .Replace("\u202e", "U+202E", StringComparison.Ordinal).Replace("\u2066", "U+2066", StringComparison.Ordinal)
        .Replace("\u200b", "U+200B", StringComparison.Ordinal).Trim();

    /// <summary>As a text of YAML in double quotes.</summary>
    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var unit in text)
        {
            quoted.Append(unit is > ' ' and < '\u007f' and not '"' and not '\\' || char.IsSurrogate(unit) || unit == ' '
                ? unit
                : $"\\u{(int)unit:x4}");
        }
        return quoted.Append('"').ToString();
    }
}
