using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard;

/// <summary>
/// Asks the table of rights for each page and button of the dashboard, Hangfire's own ones among them, and says who
/// presses them.
/// </summary>
internal static class DashboardGate
{
    private const string Home = AccessTable.Dashboard;
    private const string Jobs = "/sql/jobs";
    private const string Stats = "/stats";

    public static void UseDashboardGate(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (context.GetEndpoint() is null
            || !context.Request.Path.StartsWithSegments(Home, StringComparison.Ordinal, out var page))
        {
            await next(context);
            return;
        }
        var caller = context.Caller();
        var needed = AccessTable.OfPage(context.Request.Method, page.Value ?? "");
        if (!caller.Rights.Has(needed))
        {
            await Refuse(context, page, needed).ExecuteAsync(context);
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

    /// <summary>The first page is Hangfire's: who may not see it is led to the jobs that they may see.</summary>
    private static IResult Refuse(HttpContext context, PathString page, Right needed) =>
        HttpMethods.IsGet(context.Request.Method) && page.Value is null or "" or "/"
        && context.Caller().Rights.Has(Right.SeeJobs)
            ? TypedResults.Redirect(context.Request.PublicPathOf(Home + Jobs))
            : RightsGate.Refuse(needed);
}
