using Hangfire.Dashboard;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Schedules;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>The buttons of a schedule's page. What they cannot do they say on that page.</summary>
internal static class ScheduleActions
{
    public const int LongestReason = 2000;

    public static async Task TriggerAsync(DashboardContext context)
    {
        if (await RefuseAsync(context, runs: true))
        {
            return;
        }
        var run = await context.Service<ScheduleControl>().TriggerAsync(ScheduleDetailPage.IdIn(context), context.GetHttpContext().CallerName(), context.Aborted());
        if (run is { Outcome: RunOutcome.Skipped or RunOutcome.Refused, Reason: { } reason })
        {
            await PageDispatcher.ShowAsync(context, await ScheduleDetailPage.ReadAsync(context, reason, StatusCodes.Status409Conflict));
            return;
        }
        GoBack(context);
    }

    public static async Task PauseAsync(DashboardContext context)
    {
        if (await RefuseAsync(context, runs: false))
        {
            return;
        }
        var reason = await context.Request.GetFormValuesAsync("reason") is [{ } text, ..] ? text.Replace('\0', ' ').Trim() : "";
        if (reason.Length > LongestReason)
        {
            await PageDispatcher.ShowAsync(
                context, await ScheduleDetailPage.ReadAsync(context, $"The reason may have {LongestReason} characters at most.", StatusCodes.Status400BadRequest));
            return;
        }
        await context.Service<ScheduleControl>().PauseAsync(
            ScheduleDetailPage.IdIn(context), context.GetHttpContext().CallerName(), reason, until: null, context.Aborted());
        GoBack(context);
    }

    public static async Task ResumeAsync(DashboardContext context)
    {
        if (await RefuseAsync(context, runs: true))
        {
            return;
        }
        await context.Service<ScheduleControl>().ResumeAsync(ScheduleDetailPage.IdIn(context), context.Aborted());
        GoBack(context);
    }

    /// <summary>Shows why the caller may not press the button, if that is so.</summary>
    private static async Task<bool> RefuseAsync(DashboardContext context, bool runs)
    {
        var id = ScheduleDetailPage.IdIn(context);
        var access = context.Service<ScheduleAccess>();
        var refusal = await access.RefuseAsync(context.GetHttpContext(), id, runs, context.Aborted());
        if (refusal is null)
        {
            return false;
        }
        await PageDispatcher.ShowAsync(
            context, await ScheduleDetailPage.ReadAsync(context, refusal.ProblemDetails.Detail, refusal.StatusCode));
        return true;
    }

    private static void GoBack(DashboardContext context) => context.GoTo($"/sql/schedules/{Uri.EscapeDataString(ScheduleDetailPage.IdIn(context))}");
}
