using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;

namespace Heimdall.Api.Dashboard.Engine;

/// <summary>The way to Hangfire's own pages, and what they can be read for.</summary>
internal static class EnginePage
{
    public const string Path = "/sql/engine";

    private static readonly (string Text, string Path, string Use)[] _pages =
    [
        ("Jobs", "/jobs/enqueued", "each entry by its state, with the calls that move schedules among them"),
        ("Retries", "/retries", "entries that Hangfire tries again"),
        ("Recurring jobs", "/recurring", "when Hangfire calls each schedule, and whether that call went well"),
        ("Servers", "/servers", "the processes that Hangfire knows, with their queues and slots"),
    ];

    public static Task<PageContent> ReadAsync(DashboardContext context)
    {
        var rows = _pages.Select(page => Markup.Of($"""
            <tr><th scope="row"><a href="{context.AddressOf(page.Path)}">{page.Text}</a></th><td>{page.Use}</td></tr>
            """));
        return Task.FromResult(new PageContent("Queue engine", Markup.Of($"""
            <h1 class="page-header">Queue engine</h1>
            <p>Heimdall runs its jobs on Hangfire. Hangfire's own pages show its entries, which are not the jobs.
            They count the calls that move schedules, leave out inline queries, and call a killed job failed.</p>
            <p>They are for reading. To cancel a job or run it again, open it under
            <a href="{context.AddressOf("/sql/jobs")}">SQL jobs</a>.</p>
            <table class="table"><thead><tr><th scope="col">Page</th><th scope="col">Shows</th></tr></thead>
            <tbody>{rows}</tbody></table>
            """)));
    }
}
