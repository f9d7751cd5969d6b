using Hangfire.Dashboard;
using Hangfire.Dashboard.Pages;
using RouteCollection = Hangfire.Dashboard.RouteCollection;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// Answers with a page in the dashboard's frame. Hangfire draws its own pages synchronously; ours are read from the store first, and only
/// their drawing is Hangfire's.
/// </summary>
internal sealed class PageDispatcher(Func<DashboardContext, Task<PageContent>> readAsync) : IDashboardDispatcher
{
    public async Task Dispatch(DashboardContext context) => await ShowAsync(context, await readAsync(context));

    public static Task ShowAsync(DashboardContext context, PageContent content)
    {
        context.Response.StatusCode = content.Status;
        // The way from a page to a reply is open only to what is registered as a route.
        var route = new RouteCollection();
        route.AddRazorPage("/", _ => new FramedPage(content));
        return route.FindDispatcher("/").Item1.Dispatch(context);
    }

    private sealed class FramedPage(PageContent content) : RazorPage
    {
        public override void Execute()
        {
            Layout = new LayoutPage(content.Title);
            WriteLiteral(Markup.Of($"""<main id="hd-main" tabindex="-1">{content.Body}</main>""").ToString());
        }
    }
}
