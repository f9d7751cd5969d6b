using Hangfire.Dashboard;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>For how long something is paused, and why.</summary>
internal static class PauseForm
{
    private const int LongestReason = 2000;

    private static readonly (string Label, TimeSpan? Time)[] _times =
    [
        ("until resumed", null), ("for 15 minutes", TimeSpan.FromMinutes(15)), ("for 1 hour", TimeSpan.FromHours(1)),
        ("for 8 hours", TimeSpan.FromHours(8)), ("for 1 day", TimeSpan.FromDays(1)),
        ("for 7 days", TimeSpan.FromDays(7)),
    ];

    /// <summary>What is true of every pause.</summary>
    public const string Meaning = "While something is paused its jobs are accepted and wait. What runs keeps running.";

    public static Markup DrawFields()
    {
        var times = _times.Select(time => Markup.Of($"<option>{time.Label}</option>"));
        return Markup.Of($"""
            <select name="time" class="form-control" aria-label="How long">{times}</select>
            <input name="reason" class="form-control" maxlength="{LongestReason}" autocomplete="off"
                placeholder="Reason" aria-label="Reason">
            <button type="submit" class="btn btn-default">Pause</button>
            """);
    }

    /// <summary>Pauses as the fields say.</summary>
    /// <returns>False where they say nothing that can be done.</returns>
    public static async Task<bool> PauseAsync(DashboardContext context, PauseTarget target)
    {
        var (time, reason) = (await FieldAsync(context, "time"), await FieldAsync(context, "reason"));
        if (Array.FindIndex(_times, one => one.Label == time) is not (>= 0 and var place))
        {
            return false;
        }
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        await context.Service<Pauses>().PauseAsync(
            target, reason.Length > LongestReason ? reason[..LongestReason] : reason, now + _times[place].Time,
            context.GetHttpContext().CallerName(), context.Aborted());
        return true;
    }

    public static bool MayPause(DashboardContext context, PauseTarget target) =>
        context.GetHttpContext().Controls(context.Service<LiveCatalog>(), target);

    /// <summary>Who has paused something, since when, until when and why.</summary>
    public static Markup Describe(QueuePause pause)
    {
        var until = pause.Until is { } time ? Markup.Of($", until {Pieces.Time(time)}") : Markup.Empty;
        return Markup.Of($"""
            <span class="hd-aside">by {pause.By}, {Pieces.Time(pause.At)}{until}</span> {pause.Reason}
            """);
    }

    public static async Task<string> FieldAsync(DashboardContext context, string name) =>
        await context.Request.GetFormValuesAsync(name) is [{ } text, ..] ? text.Replace('\0', ' ').Trim() : "";
}
