using System.Text.RegularExpressions;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>What both pages of schedules show.</summary>
internal static partial class SchedulePieces
{
    public static string AddressOf(DashboardContext context, string id) => context.AddressOf($"/sql/schedules/{Uri.EscapeDataString(id)}");

    public static Markup Next(Schedule schedule) => schedule switch
    {
        { Pause: { } pause } => Markup.Of($"""{Pieces.State("PAUSED")}<div class="hd-said">by {pause.By} since {Pieces.Time(pause.At)}{Until(pause)}{Reason(pause)}</div>"""),
        { NextAt: { } next } => Pieces.Time(next),
        _ => Markup.Of($"never again"),
    };

    /// <summary>On how many clusters, where that is not one.</summary>
    public static string? Targets(ScheduleDefinition said)
    {
        if (said.FanOut is not { } fanOut)
        {
            return null;
        }
        string?[] how =
        [
            "all clusters that match",
            fanOut.MaxParallel is { } most ? $"at most {most} at once" : null,
            fanOut.Canary is { } first ? $"{first} first" : null,
            fanOut.StopAfterFailures is { } failures ? $"until {failures} have failed" : null,
        ];
        return string.Join(", ", how.OfType<string>());
    }

    /// <summary>The hooks that are notified of the ends of its jobs.</summary>
    public static string Hooks(ScheduleDefinition said) => string.Join("; ", (said.OnEnd ?? []).Select(hook =>
        hook.On.Count == 0 ? hook.Hook : $"{hook.Hook} of {string.Join(", ", hook.On)}"));

    public static Markup Run(DashboardContext context, ScheduleRun run, DateTime now)
    {
        var took = RunStrip.TimeOf(run, now) is { } time ? $" {Pieces.Duration(time)}" : "";
        var job = run.JobId is { } id ? Markup.Of($" {Pieces.JobLink(context.AddressOf, id, "job")}") : Markup.Empty;
        var why = run.Reason ?? run.Job?.Error;
        var said = string.IsNullOrEmpty(why)
            ? Markup.Empty
            : Markup.Of($"""<div class="hd-said">{LinkJob(context, why)}</div>""");
        return Markup.Of($"""{Pieces.State(RunStrip.NameOf(run))} {Pieces.Time(run.PlannedAt)}{took}{job}{said}""");
    }

    /// <summary>A reason may name the job that stands in the way.</summary>
    private static Markup LinkJob(DashboardContext context, string why)
    {
        var named = JobNamed().Match(why);
        if (!named.Success || !Guid.TryParse(named.ValueSpan["job ".Length..], out var id))
        {
            return Markup.Of($"{why}");
        }
        var (before, after) = (why[..named.Index], why[(named.Index + named.Length)..]);
        return Markup.Of($"{before}{Pieces.JobLink(context.AddressOf, id, named.Value)}{after}");
    }

    private static Markup Until(SchedulePause pause) => pause.Until is { } until ? Markup.Of($", until {Pieces.Time(until)}") : Markup.Empty;

    [GeneratedRegex("job [0-9a-f-]{36}")]
    private static partial Regex JobNamed();

    private static Markup Reason(SchedulePause pause) => pause.Reason.Length > 0 ? Markup.Of($": {pause.Reason}") : Markup.Empty;
}
