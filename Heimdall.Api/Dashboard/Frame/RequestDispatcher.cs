using Hangfire.Dashboard;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>Answers a request of a page's script.</summary>
internal sealed class RequestDispatcher(Func<DashboardContext, Task> answerAsync) : IDashboardDispatcher
{
    public Task Dispatch(DashboardContext context) => answerAsync(context);
}
