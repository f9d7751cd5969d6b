using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>What both pages of schedules show.</summary>
internal static class SchedulePieces
{
    public static string AddressOf(DashboardContext context, string id) => context.AddressOf($"/sql/schedules/{Uri.EscapeDataString(id)}");

    public static Markup Next(Schedule schedule) => schedule switch
    {
        { Pause: { } pause } => Markup.Of($"""{Pieces.State("PAUSED")}<div class="hd-said">by {pause.By} since {Pieces.Time(pause.At)}{Until(pause)}{Reason(pause)}</div>"""),
        { NextAt: { } next } => Pieces.Time(next),
        _ => Markup.Of($"never again"),
    };

    public static Markup Run(DashboardContext context, ScheduleRun run)
    {
        var job = run.JobId is { } id ? Markup.Of($" {Pieces.JobLink(context.AddressOf, id, "job")}") : Markup.Empty;
        var why = run.Reason ?? run.Job?.Error;
        var said = string.IsNullOrEmpty(why) ? Markup.Empty : Markup.Of($"""<div class="hd-said">{why}</div>""");
        return Markup.Of($"""{Pieces.State(run.Job?.Status.ToName() ?? run.Outcome.ToName())} {Pieces.Time(run.PlannedAt)}{job}{said}""");
    }

    private static Markup Until(SchedulePause pause) => pause.Until is { } until ? Markup.Of($", until {Pieces.Time(until)}") : Markup.Empty;

    private static Markup Reason(SchedulePause pause) => pause.Reason.Length > 0 ? Markup.Of($": {pause.Reason}") : Markup.Empty;
}
