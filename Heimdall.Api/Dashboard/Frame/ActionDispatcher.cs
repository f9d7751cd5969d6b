using Hangfire.Dashboard;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// What a button does. As with Hangfire's own: only POST, not where the dashboard is read-only, and behind the check of the form's token,
/// which the dashboard has done by now.
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
        if (context.IsReadOnly)
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        }
        return actAsync(context);
    }
}
