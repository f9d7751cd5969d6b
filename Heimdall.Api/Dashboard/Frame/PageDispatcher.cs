using Hangfire.Dashboard;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>Answers with a page in the frame that all pages of ours have.</summary>
internal sealed class PageDispatcher(Func<DashboardContext, Task<PageContent>> readAsync) : IDashboardDispatcher
{
    public async Task Dispatch(DashboardContext context) => await ShowAsync(context, await readAsync(context));

    public static Task ShowAsync(DashboardContext context, PageContent content) =>
        PageFrame.SendAsync(context.GetHttpContext(), content);
}
