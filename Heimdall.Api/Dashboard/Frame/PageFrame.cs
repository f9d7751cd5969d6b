using Hangfire.Dashboard;
using Heimdall.Api.Callers;
using Heimdall.Api.Rights;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// What stands around each page of ours: the menu, who is signed in, and the clock by which times are shown. It needs
/// no script: on a narrow screen the menu is a second line.
/// </summary>
internal static class PageFrame
{
    private static readonly (string Text, string Path, Right Right)[] _menu =
    [
        ("Overview", "/sql/overview", Right.SeeJobs),
        ("SQL jobs", "/sql/jobs", Right.SeeJobs),
        ("Schedules", "/sql/schedules", Right.SeeSchedules),
        ("Clusters", "/sql/clusters", Right.SeeCatalog),
        ("Queue engine", "/sql/engine", Right.SeeEngine),
    ];

    /// <summary>The pages that the menu leads to, each for those who may see it.</summary>
    public static IReadOnlyList<(string Text, string Path, Right Right)> Menu => _menu;

    public static Markup Draw(DashboardContext context, PageContent content)
    {
        var items = _menu.Where(item => context.RightsOfCaller().Has(item.Right)).Select(item => Markup.Of($"""
            <li><a href="{context.AddressOf(item.Path)}"{Current(context, item.Path)}>{item.Text}</a></li>
            """));
        var refresh = content.RefreshSeconds is { } seconds
            ? Markup.Of($""" data-refresh="{seconds}" """)
            : Markup.Empty;
        return Markup.Of($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{PlainTitle(content)}</title>
            <link rel="stylesheet" href="{context.AddressOf(PageFiles.AddressOf("frame.css"))}">
            <link rel="stylesheet" href="{context.AddressOf(PageFiles.AddressOf("heimdall.css"))}">
            <script defer src="{context.AddressOf(PageFiles.AddressOf("heimdall.js"))}"></script>
            </head>
            <body>
            <a class="hd-skip" href="#hd-main">Skip to the content</a>
            <header class="hd-top"><div class="hd-top-in">
            <a class="hd-brand" href="{context.AddressOf("/sql/overview")}">Heimdall</a>
            <nav aria-label="Pages of the dashboard"><ul class="hd-menu">{items}</ul></nav>
            <span class="hd-who">{context.GetHttpContext().CallerName()}</span>
            </div></header>
            <main id="hd-main" tabindex="-1"{refresh}>{content.Body}</main>
            <footer class="hd-foot"><span id="hd-clock">Times are UTC.</span> <span id="hd-refresh"></span></footer>
            </body>
            </html>

            """);
    }

    private static Markup Current(DashboardContext context, string path) =>
        context.Request.Path.StartsWith(path, StringComparison.OrdinalIgnoreCase)
            ? Markup.Of($""" aria-current="page" """)
            : Markup.Empty;

    /// <summary>A title has no tags in it.</summary>
    private static Markup PlainTitle(PageContent content) =>
        Markup.Of($"{HiddenCharacters.Spell(content.Title)} – Heimdall");
}
