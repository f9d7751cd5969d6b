using Hangfire;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Clusters;
using Heimdall.Api.Dashboard.Details;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Dashboard.Listing;
using Heimdall.Api.Dashboard.Schedules;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard;

/// <summary>
/// Our pages, in the places that Hangfire has for them: its routes, menu, files and job pages. Those are the process's, so this is done once,
/// and what a page needs it takes from the request.
/// </summary>
internal static class DashboardPages
{
    private const string JobPath = "/sql/jobs/(?<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})";
    private const string SchedulePath = "/sql/schedules/(?<schedule>[^/]+)";
    private const string Files = "Heimdall.Api.Dashboard.Files";

    private static readonly Lazy<bool> _added = new(Add);

    public static bool EnsureAdded() => _added.Value;

    private static bool Add()
    {
        DashboardRoutes.AddStylesheet(typeof(DashboardPages).Assembly, $"{Files}.heimdall.css");
        DashboardRoutes.AddStylesheetDarkMode(typeof(DashboardPages).Assembly, $"{Files}.heimdall-dark.css");
        DashboardRoutes.AddJavaScript(typeof(DashboardPages).Assembly, $"{Files}.heimdall.js");

        var routes = DashboardRoutes.Routes;
        routes.Add("/sql/jobs", new PageDispatcher(JobListPage.ReadAsync));
        routes.Add(JobPath, new PageDispatcher(JobDetailPage.ReadAsync));
        routes.Add($"{JobPath}/live", new RequestDispatcher(JobDetailPage.SendLiveAsync));
        routes.Add($"{JobPath}/stdout", new RequestDispatcher(LogPart.SendAsync(JobLogStream.Stdout)));
        routes.Add($"{JobPath}/stderr", new RequestDispatcher(LogPart.SendAsync(JobLogStream.Stderr)));
        routes.Add($"{JobPath}/cancel", new ActionDispatcher(JobActions.CancelAsync));
        routes.Add($"{JobPath}/retry", new ActionDispatcher(JobActions.RetryAsync));
        routes.Add("/sql/schedules", new PageDispatcher(ScheduleListPage.ReadAsync));
        routes.Add(SchedulePath, new PageDispatcher(ScheduleDetailPage.ReadAsync));
        routes.Add($"{SchedulePath}/trigger", new ActionDispatcher(ScheduleActions.TriggerAsync));
        routes.Add($"{SchedulePath}/pause", new ActionDispatcher(ScheduleActions.PauseAsync));
        routes.Add($"{SchedulePath}/resume", new ActionDispatcher(ScheduleActions.ResumeAsync));
        routes.Add("/sql/clusters", new PageDispatcher(ClusterListPage.ReadAsync));
        routes.Add("/sql/pauses/add", new ActionDispatcher(PausePanel.PauseAsync));
        routes.Add("/sql/pauses/end", new ActionDispatcher(PausePanel.ResumeAsync));

        NavigationMenu.Items.InsertRange(0, [Item("SQL jobs", "/sql/jobs"), Item("Schedules", "/sql/schedules"), Item("Clusters", "/sql/clusters")]);
        GlobalConfiguration.Configuration.UseJobDetailsRenderer(order: 0, LinkToJob);
        return true;
    }

    private static Func<RazorPage, MenuItem> Item(string text, string path) => page => new MenuItem(text, page.Url.To(path))
    {
        Active = page.RequestPath.StartsWith(path, StringComparison.OrdinalIgnoreCase),
    };

    /// <summary>On Hangfire's own page of a job: where to read what it runs and what came of it.</summary>
    private static NonEscapedString LinkToJob(JobDetailsRendererDto details) => new((details.JobDetails.Job?.Args is [Guid id, ..]
        ? Markup.Of($"""<p><a class="btn btn-primary" href="{details.Page.Url.To($"/sql/jobs/{id}")}">SQL, progress and log of this job</a></p>""")
        : Markup.Empty).ToString());
}
