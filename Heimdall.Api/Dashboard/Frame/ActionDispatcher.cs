using Hangfire.Dashboard;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// What a button does. As with Hangfire's own: only POST, and behind the check of the form's token, which the dashboard
/// has done by now. What the caller lacks for it is found by the gate of the dashboard, and by the action itself.
/// </summary>
internal sealed class ActionDispatcher(Func<DashboardContext, Task> actAsync) : IDashboardDispatcher
{
    public Task Dispatch(DashboardContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }
        return actAsync(context);
    }
}
