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
        ("Overview", $"{AccessTable.Dashboard}/sql/overview", Right.SeeJobs),
        ("Console", AccessTable.Console, Right.Submit),
        ("SQL jobs", $"{AccessTable.Dashboard}/sql/jobs", Right.SeeJobs),
        ("Schedules", $"{AccessTable.Dashboard}/sql/schedules", Right.SeeSchedules),
        ("Clusters", $"{AccessTable.Dashboard}/sql/clusters", Right.SeeCatalog),
        ("Commands", $"{AccessTable.Dashboard}/sql/commands", Right.SeeCatalog),
        ("Hooks", $"{AccessTable.Dashboard}/sql/hooks", Right.SeeHooks),
        ("Audit", $"{AccessTable.Dashboard}/sql/audit", Right.SeeAudit),
        ("Queue engine", $"{AccessTable.Dashboard}/sql/engine", Right.SeeEngine),
    ];

    /// <summary>The pages that the menu leads to, each for those who may see it.</summary>
    public static IReadOnlyList<(string Text, string Path, Right Right)> Menu => _menu;

    /// <summary>
    /// How a browser spells a path of this server, also while Hangfire has taken its part off the request's path.
    /// </summary>
    public static string AddressOf(HttpContext context, string path)
    {
        var root = context.Request.PathBase.Value ?? "";
        return root.EndsWith(AccessTable.Dashboard, StringComparison.Ordinal)
            ? $"{root[..^AccessTable.Dashboard.Length]}{path}"
            : $"{root}{path}";
    }

    public static Task SendAsync(HttpContext context, PageContent content)
    {
        var response = context.Response;
        response.StatusCode = content.Status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.CacheControl = "no-store"; // what a caller may see is nobody else's
        return response.WriteAsync(Draw(context, content).ToString(), context.RequestAborted);
    }

    private static Markup Draw(HttpContext context, PageContent content)
    {
        var rights = context.Caller().Rights;
        var items = _menu.Where(item => rights.Has(item.Right)).Select(item => Markup.Of($"""
            <li><a href="{AddressOf(context, item.Path)}"{Current(context, item.Path)}>{item.Text}</a></li>
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
            <link rel="stylesheet" href="{FileOf(context, "frame.css")}">
            <link rel="stylesheet" href="{FileOf(context, "heimdall.css")}">
            <script defer src="{FileOf(context, "heimdall.js")}"></script>
            {content.Head}
            </head>
            <body>
            <a class="hd-skip" href="#hd-main">Skip to the content</a>
            <header class="hd-top"><div class="hd-top-in">
            <a class="hd-brand" href="{AddressOf(context, _menu[0].Path)}">Heimdall</a>
            <nav aria-label="Pages of the dashboard"><ul class="hd-menu">{items}</ul></nav>
            {Who(context)}
            </div></header>
            <main id="hd-main" tabindex="-1"{refresh}{content.Attributes}>{content.Body}</main>
            <footer class="hd-foot"><span id="hd-clock">Times are UTC.</span> <span id="hd-refresh"></span></footer>
            </body>
            </html>

            """);
    }

    /// <summary>Who looks at the page, and how they are known. A browser that is signed in can be signed out.</summary>
    private static Markup Who(HttpContext context)
    {
        var caller = context.Caller();
        var how = caller.AuthenticatedBy switch
        {
            Credentials.Oidc => "signed in",
            Credentials.Key => "by API key",
            Credentials.Jwt => "by token",
            Credentials.Header => "by a proxy",
            _ => "of this machine",
        };
        var signOut = caller.AuthenticatedBy == Credentials.Oidc
            ? Markup.Of($"""
                <form method="post" action="{AddressOf(context, SignInPages.SignOut)}">
                <button type="submit">Sign out</button></form>
                """)
            : Markup.Empty;
        return Markup.Of($"""<div class="hd-who"><span>{caller.Name}</span> <small>{how}</small>{signOut}</div>""");
    }

    private static string FileOf(HttpContext context, string name) =>
        AddressOf(context, $"{AccessTable.Dashboard}{PageFiles.AddressOf(name)}");

    private static Markup Current(HttpContext context, string path) =>
        $"{context.Request.PathBase}{context.Request.Path}"
            .StartsWith(AddressOf(context, path), StringComparison.OrdinalIgnoreCase)
            ? Markup.Of($""" aria-current="page" """)
            : Markup.Empty;

    /// <summary>A title has no tags in it.</summary>
    private static Markup PlainTitle(PageContent content) =>
        Markup.Of($"{HiddenCharacters.Spell(content.Title)} – Heimdall");
}
