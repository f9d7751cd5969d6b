using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Schedules;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>The schedules: when each runs next, and how its last run went.</summary>
internal static class ScheduleListPage
{
    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var schedules = await context.Service<ScheduleAccess>().ListAsync(context.GetHttpContext(), context.Aborted());
        var last = await context.Service<ScheduleRunStore>().LastAsync(context.Aborted());
        var rows = schedules.Select(schedule => DrawRow(context, schedule, last.GetValueOrDefault(schedule.Id)));
        var body = schedules.Count == 0
            ? Markup.Of($"<p>There is none. They are made in the configuration file, or by <code>PUT /api/v1/schedule/ID</code>.</p>")
            : Markup.Of($"""
                <table class="table hd-schedules"><thead><tr>
                <th scope="col">Schedule</th><th scope="col" class="hd-wide">When</th><th scope="col">Next run</th><th scope="col" class="hd-wide">Last run</th>
                </tr></thead><tbody>{rows}</tbody></table>
                """);
        return new PageContent("Schedules", Markup.Of($"""<h1 class="page-header">Schedules</h1>{body}"""));
    }

    private static Markup DrawRow(DashboardContext context, Schedule schedule, ScheduleRun? last)
    {
        var when = $"{schedule.Definition.Cron} ({schedule.Definition.Timezone})";
        var lastRun = last is null ? Markup.Of($"none yet") : SchedulePieces.Run(context, last);
        return Markup.Of($"""
            <tr><th scope="row"><a href="{SchedulePieces.AddressOf(context, schedule.Id)}">{schedule.Definition.Name}</a>
            <div class="hd-narrow">{when}</div><div class="hd-narrow">Last: {lastRun}</div></th>
            <td class="hd-wide">{when}</td><td>{SchedulePieces.Next(schedule)}</td><td class="hd-wide">{lastRun}</td></tr>
            """);
    }
}
