using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>What an operator can do with a cluster or a command: pause it, resume it, take it out of service.</summary>
internal static class CatalogButtons
{
    public const string StatusField = "status";

    /// <summary>The pause that holds, and the buttons; both are kept up to date.</summary>
    /// <param name="context">The request.</param>
    /// <param name="target">The cluster or the command.</param>
    /// <param name="status">How it stands.</param>
    /// <param name="pause">The pause that holds, if one does.</param>
    /// <param name="open">Its jobs: how many a pause would hold.</param>
    public static Markup DrawParts(
        DashboardContext context, CatalogTarget target, CatalogStatus status, QueuePause? pause, OpenParts open)
    {
        var mark = LivePart.MarkOf($"{status} {(pause is null ? open.OfPause : "")}");
        var buttons = DrawButtons(context, target, status, pause, open);
        return Markup.Of($"""
            {Pieces.Part("hd-pause", DrawPause(pause))}{Pieces.Part("hd-controls", buttons, mark)}
            """);
    }

    private static Markup DrawButtons(
        DashboardContext context, CatalogTarget target, CatalogStatus status, QueuePause? pause, OpenParts open)
    {
        if (!PauseForm.MayPause(context, target.Pause))
        {
            return Markup.Empty;
        }
        var (path, kind) = (target.Path, target.Pause.Scope);
        var hold = pause is null
            ? Pieces.Ask(
                "Pause …", "btn-default", Markup.Of($"{open.OfPause} {PauseForm.Meaning}"),
                context.Form($"{path}/pause", PauseForm.DrawFields()))
            : context.Button($"{path}/resume", "Resume", "btn-primary");
        var service = status == CatalogStatus.Active
            ? Pieces.Ask(
                "Take out of service …", "btn-default",
                Markup.Of($"""
                    New jobs do not get this {kind} any more. Those that wait for it still run: pause it to hold
                    these too.
                    """),
                context.Button(
                    $"{path}/status", "Yes, take it out of service", "btn-danger",
                    (StatusField, CatalogStatus.Inactive.ToName())))
            : context.Button(
                $"{path}/status", "Put into service", "btn-primary", (StatusField, CatalogStatus.Active.ToName()));
        return Markup.Of($"""<div class="hd-actions">{hold}{service}</div>""");
    }

    /// <summary>How it stands, beside its name.</summary>
    public static Markup DrawStates(CatalogStatus status, QueuePause? pause)
    {
        var inactive = status == CatalogStatus.Active ? Markup.Empty : Pieces.State("INACTIVE");
        return Pieces.InlinePart(
            "hd-states", pause is null ? inactive : Markup.Of($"""{inactive} {Pieces.State("PAUSED")}"""));
    }

    private static Markup DrawPause(QueuePause? pause) => pause is null
        ? Markup.Empty
        : Pieces.Alert("warning", Markup.Of($"Paused {PauseForm.Describe(pause)}"));
}
