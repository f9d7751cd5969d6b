using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The buttons of a job's page. What they cannot do they say on that page.</summary>
internal static class JobActions
{
    public static async Task CancelAsync(DashboardContext context)
    {
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
        var user = context.GetHttpContext().CallerName();
        long? fromStatement = (await context.Request.GetFormValuesAsync("from_statement")) is [{ } text, ..]
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        try
        {
            var retry = await context.Service<JobRetrier>().PrepareAsync(context.AddressedJob(), user, fromStatement, context.Aborted());
            if (retry?.New is not { } job)
            {
                await RefuseAsync(context, StatusCodes.Status409Conflict, retry?.Conflict ?? retry?.Routing?.Reason ?? "There is no such job.");
                return;
            }
            var submitter = context.Service<JobSubmitter>();
            if (await submitter.IsQueueFullAsync(user, more: 1, context.Aborted()))
            {
                await RefuseAsync(context, StatusCodes.Status429TooManyRequests, $"User '{user}' has as many jobs in the queue as this server allows.");
                return;
            }
            await submitter.EnqueueAsync([job], key: null, context.Aborted());
            context.GoTo($"/sql/jobs/{job.Id}");
        }
        catch (JobRefusedException exception)
        {
            await RefuseAsync(context, StatusCodes.Status409Conflict, exception.Message);
        }
    }

    private static async Task RefuseAsync(DashboardContext context, int status, string why) =>
        await PageDispatcher.ShowAsync(context, await JobDetailPage.ReadAsync(context, why, status));
}
