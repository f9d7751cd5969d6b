using Hangfire;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Audits;
using Heimdall.Api.Dashboard.Catalog;
using Heimdall.Api.Dashboard.Details;
using Heimdall.Api.Dashboard.Engine;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Dashboard.Hooks;
using Heimdall.Api.Dashboard.Listing;
using Heimdall.Api.Dashboard.Overviews;
using Heimdall.Api.Dashboard.Schedules;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard;

/// <summary>
/// Our pages, in the places that Hangfire has for them: its routes, menu, files and job pages. Those are the process's,
/// so this is done once, and what a page needs it takes from the request.
/// </summary>
internal static class DashboardPages
{
    private const string JobPath = "/sql/jobs/{id}";
    private const string SchedulePath = "/sql/schedules/{schedule}";
    private const string ClusterPath = "/sql/clusters/{cluster}";
    private const string CommandPath = "/sql/commands/{command}";
    private const string Files = "Heimdall.Api.Dashboard.Files";

    private static readonly Lazy<bool> _added = new(Add);

    public static bool EnsureAdded() => _added.Value;

    private static bool Add()
    {
        DashboardRoutes.AddStylesheet(typeof(DashboardPages).Assembly, $"{Files}.engine.css");
        DashboardRoutes.AddStylesheetDarkMode(typeof(DashboardPages).Assembly, $"{Files}.engine-dark.css");
        DashboardRoutes.AddJavaScript(typeof(DashboardPages).Assembly, $"{Files}.engine.js");

        Get(OverviewPage.Path, new PageDispatcher(OverviewPage.ReadAsync));
        Get(EnginePage.Path, new PageDispatcher(EnginePage.ReadAsync));
        Get(AuditListPage.Path, new PageDispatcher(AuditListPage.ReadAsync));
        Get("/sql/files/{asset}", new RequestDispatcher(PageFiles.SendAsync));
        Get("/sql/jobs", new PageDispatcher(JobListPage.ReadAsync));
        Get("/sql/bulk/cancel", new PageDispatcher(BulkPage.AskCancelAsync));
        Post("/sql/bulk/cancel/named", BulkPage.CancelAsync);
        Get("/sql/bulk/retry", new PageDispatcher(BulkPage.AskRetryAsync));
        Post("/sql/bulk/retry/named", BulkPage.RetryAsync);
        Get(JobPath, new PageDispatcher(JobDetailPage.ReadAsync));
        Get($"{JobPath}/live", new RequestDispatcher(JobDetailPage.SendLiveAsync));
        Get($"{JobPath}/stdout", new RequestDispatcher(LogPart.SendAsync(JobLogStream.Stdout)));
        Get($"{JobPath}/stderr", new RequestDispatcher(LogPart.SendAsync(JobLogStream.Stderr)));
        Get($"{JobPath}/result/{{format}}", new RequestDispatcher(ResultDownload.SendAsync));
        Post($"{JobPath}/cancel", JobActions.CancelAsync);
        Post($"{JobPath}/retry", JobActions.RetryAsync);
        Post($"{JobPath}/approve", JobActions.ApproveAsync);
        Post($"{JobPath}/refuse", JobActions.DisapproveAsync);
        Get("/sql/schedules", new PageDispatcher(ScheduleListPage.ReadAsync));
        Get(SchedulePath, new PageDispatcher(ScheduleDetailPage.ReadAsync));
        Get($"{SchedulePath}/edit", new PageDispatcher(ScheduleEditPage.ReadAsync));
        Post($"{SchedulePath}/save", ScheduleEditPage.SaveAsync);
        Post($"{SchedulePath}/trigger", ScheduleActions.TriggerAsync);
        Post($"{SchedulePath}/pause", ScheduleActions.PauseAsync);
        Post($"{SchedulePath}/resume", ScheduleActions.ResumeAsync);
        Get("/sql/clusters", new PageDispatcher(ClusterListPage.ReadAsync));
        Get(ClusterPath, new PageDispatcher(ClusterPage.ReadAsync));
        PostControls(ClusterPath, CatalogTarget.Cluster);
        Get("/sql/commands", new PageDispatcher(CommandListPage.ReadAsync));
        Get(CommandPath, new PageDispatcher(CommandPage.ReadAsync));
        PostControls(CommandPath, CatalogTarget.Command);
        Get(HooksPage.Path, new PageDispatcher(HooksPage.ReadAsync));
        Post("/sql/hooks/test", HooksPage.TestAsync);
        Post("/sql/hooks/{id}/redeliver", HooksPage.RedeliverAsync);
        Post("/sql/pauses/add", PausePanel.PauseAsync);
        Post("/sql/pauses/end", PausePanel.ResumeAsync);

        NavigationMenu.Items.Clear();
        NavigationMenu.Items.AddRange(PageFrame.Menu.Select(Item));
        GlobalConfiguration.Configuration.UseJobDetailsRenderer(order: 0, LinkToJob);
        return true;
    }

    private static void Get(string page, IDashboardDispatcher dispatcher) =>
        DashboardRoutes.Routes.Add(AccessTable.PatternOf("GET", page), dispatcher);

    private static void Post(string page, Func<DashboardContext, Task> actAsync) =>
        DashboardRoutes.Routes.Add(AccessTable.PatternOf("POST", page), new ActionDispatcher(actAsync));

    private static void PostControls(string page, Func<DashboardContext, CatalogTarget> toTarget)
    {
        Post($"{page}/pause", CatalogActions.Of(toTarget, CatalogActions.PauseAsync));
        Post($"{page}/resume", CatalogActions.Of(toTarget, CatalogActions.ResumeAsync));
        Post($"{page}/status", CatalogActions.Of(toTarget, CatalogActions.SetStatusAsync));
    }

    /// <summary>In Hangfire's frame our menu is the same.</summary>
    private static Func<RazorPage, MenuItem> Item((string Text, string Path, Right Right) item) => page =>
        page.Context.RightsOfCaller().Has(item.Right)
            ? new MenuItem(item.Text, PageFrame.AddressOf(page.Context.GetHttpContext(), item.Path))
            {
                Active = item.Path == $"{AccessTable.Dashboard}{EnginePage.Path}",
            }
            : null!;

    /// <summary>On Hangfire's own page of a job: where to read what it runs and what came of it.</summary>
    private static NonEscapedString LinkToJob(JobDetailsRendererDto details) => new((details.JobDetails.Job?.Args is [Guid id, ..]
        ? Markup.Of($"""<p><a class="btn btn-primary" href="{details.Page.Url.To($"/sql/jobs/{id}")}">SQL, progress and log of this job</a></p>""")
        : Markup.Empty).ToString());
}
