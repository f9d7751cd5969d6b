using Heimdall.Api.Dashboard.Overviews;
using Heimdall.Api.Rights;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard;

/// <summary>
/// Asks the table of rights for each page and button of the dashboard, Hangfire's own ones among them, and says who
/// presses them. The first page, which would be Hangfire's, is the overview.
/// </summary>
internal static class DashboardGate
{
    private const string Home = AccessTable.Dashboard;
    private const string Stats = "/stats";

    public static void UseDashboardGate(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (context.GetEndpoint() is null
            || !context.Request.Path.StartsWithSegments(Home, StringComparison.Ordinal, out var page))
        {
            await next(context);
            return;
        }
        if (page.Value is null or "" or "/" && HttpMethods.IsGet(context.Request.Method))
        {
            page = OverviewPage.Path;
            context.Request.Path = new PathString(Home).Add(page);
        }
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsPost(context.Request.Method))
        {
            await next(context); // no page takes another method, and that is said there
            return;
        }
        var caller = context.Caller();
        var needed = AccessTable.OfPage(context.Request.Method, page.Value!);
        if (!caller.Rights.Has(needed))
        {
            await RightsGate.Refuse(needed).ExecuteAsync(context);
        }
        else if (page == Stats && !caller.Rights.Has(Right.SeeEngine))
        {
            await TypedResults.Json(new object()).ExecuteAsync(context); // each page asks, and has no counts to show
        }
        else
        {
            context.RequestServices.GetRequiredService<DashboardUser>().Name = caller.Name;
            await next(context);
        }
    });
}
