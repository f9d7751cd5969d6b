using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Jobs;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The buttons of a job's page. What they cannot do they say on that page.</summary>
internal static class JobActions
{
    public static async Task CancelAsync(DashboardContext context)
    {
        if (await context.Service<JobStore>().RefuseAsync(
            context.GetHttpContext(), context.AddressedJob(), Right.StopJobs, context.Aborted()) is { } refusal)
        {
            await RefuseAsync(context, refusal.StatusCode, refusal.ProblemDetails.Detail!);
            return;
        }
        var user = context.GetHttpContext().CallerName();
        if (await context.Service<JobCanceller>().CancelAsync(context.AddressedJob(), user, context.Aborted()) is (_, Stopping: false))
        {
            await RefuseAsync(context, StatusCodes.Status409Conflict, "The job has ended already; there is nothing to stop.");
            return;
        }
        context.GoTo($"/sql/jobs/{context.AddressedJob()}");
    }

    public static async Task RetryAsync(DashboardContext context)
    {
        long? fromStatement = (await context.Request.GetFormValuesAsync("from_statement")) is [{ } text, ..]
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        var (made, status, why) = await RetryAsync(context, context.AddressedJob(), fromStatement);
        if (made is { } id)
        {
            context.GoTo($"/sql/jobs/{id}");
            return;
        }
        await RefuseAsync(context, status, why!);
    }

    public static Task ApproveAsync(DashboardContext context) => DecideAsync(
        context, (approver, user) => approver.ApproveAsync(context.AddressedJob(), user, context.Aborted()));

    public static async Task DisapproveAsync(DashboardContext context)
    {
        var reason = (await context.Request.GetFormValuesAsync("reason")) is [{ } text, ..] ? text.Trim() : null;
        if (DecideJob.FindProblem(reason) is { } problem)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, $"The reason: {problem}");
            return;
        }
        await DecideAsync(context, (approver, user) =>
            approver.RefuseAsync(context.AddressedJob(), user, reason!, context.Aborted()));
    }

    private static async Task DecideAsync(
        DashboardContext context, Func<JobApprover, string, Task<JobDecision?>> decideAsync)
    {
        var http = context.GetHttpContext();
        if (await context.Service<JobStore>().RefuseAsync(
            http, context.AddressedJob(), Right.DecideJobs, context.Aborted()) is { } refusal)
        {
            await RefuseAsync(context, refusal.StatusCode, refusal.ProblemDetails.Detail!);
            return;
        }
        if (await decideAsync(context.Service<JobApprover>(), http.CallerName()) is { Reason: { } why } decision)
        {
            await RefuseAsync(
                context, decision.IsForbidden ? StatusCodes.Status403Forbidden : StatusCodes.Status409Conflict, why);
            return;
        }
        context.GoTo($"/sql/jobs/{context.AddressedJob()}");
    }

    /// <summary>Runs a job again as the caller.</summary>
    /// <returns>The new job, or why there is none.</returns>
    public static async Task<(Guid? Made, int Status, string? Why)> RetryAsync(
        DashboardContext context, Guid id, long? fromStatement)
    {
        var http = context.GetHttpContext();
        if (await context.Service<JobStore>().FindPlaceAsync(id, context.Aborted()) is not { } place)
        {
            return (null, StatusCodes.Status404NotFound, "There is no such job.");
        }
        if (JobAccess.Refuse(http, id, place, Right.RetryJobs) is { } refusal)
        {
            return (null, refusal.StatusCode, refusal.ProblemDetails.Detail);
        }
        var user = http.CallerName();
        var scopes = context.RightsOfCaller().ScopesOf(Right.RetryJobs, ofOthers: place.Owner != user);
        try
        {
            var retry = await context.Service<JobRetrier>().PrepareAsync(
                id, user, scopes, fromStatement, secretValues: null, context.Aborted());
            if (retry?.New is not [var job, ..] again)
            {
                return (null, StatusCodes.Status409Conflict, retry?.Conflict ?? retry?.Routing?.Reason ?? "There is no such job.");
            }
            var submitter = context.Service<JobSubmitter>();
            var queued = again.Count(one => one.FanOut is null);
            if (await submitter.IsQueueFullAsync(user, queued, context.Aborted()))
            {
                return (null, StatusCodes.Status429TooManyRequests, $"User '{user}' has as many jobs in the queue as this server allows.");
            }
            await submitter.EnqueueAsync(again, key: null, context.Aborted());
            return (job.Id, StatusCodes.Status303SeeOther, null);
        }
        catch (JobRefusedException exception)
        {
            return (null, StatusCodes.Status409Conflict, exception.Message);
        }
    }

    private static async Task RefuseAsync(DashboardContext context, int status, string why) =>
        await PageDispatcher.ShowAsync(context, await JobDetailPage.ReadAsync(context, why, status));
}
