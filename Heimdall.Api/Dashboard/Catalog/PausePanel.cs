using Hangfire.Dashboard;
using Heimdall.Api.Audit;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>What is paused, with buttons to resume it, and a form to pause a cluster, a command or all jobs.</summary>
internal static class PausePanel
{
    public static Markup Draw(DashboardContext context, CatalogSnapshot catalog, IReadOnlyList<QueuePause> pauses)
    {
        var list = pauses.Select(pause => DrawPause(context, pause));
        var paused = pauses.Count == 0
            ? Markup.Of($"<p>Nothing is paused.</p>")
            : Markup.Of($"""<ul class="hd-pauses">{list}</ul>""");
        PauseTarget[] targets = [.. TargetsIn(catalog).Where(target => PauseForm.MayPause(context, target))];
        var form = targets.Length == 0 ? Markup.Empty : DrawForm(context, targets);
        return Markup.Of($"<h2>Pauses</h2>{paused}{form}");
    }

    /// <summary>Takes the form.</summary>
    public static async Task PauseAsync(DashboardContext context)
    {
        var response = context.Response;
        if (await FindAsync(context) is not { } target)
        {
            response.StatusCode = StatusCodes.Status400BadRequest;
        }
        else if (await context.Service<AuditGate>().MakePartAsync(AuditedAs(target), PauseIt) is { } refusal)
        {
            response.StatusCode = refusal.Status;
        }
        else
        {
            context.GoTo("/sql/clusters");
        }

        async Task<PartRefusal?> PauseIt() =>
            !PauseForm.MayPause(context, target)
                ? new PartRefusal(StatusCodes.Status403Forbidden, "The caller may not pause it.")
            : await PauseForm.PauseAsync(context, target) ? null
            : new PartRefusal(StatusCodes.Status400BadRequest, "The form is not whole.");
    }

    /// <summary>Takes the button of a pause.</summary>
    public static async Task ResumeAsync(DashboardContext context)
    {
        var target = await PauseForm.FieldAsync(context, "target");
        foreach (var pause in await context.Service<Pauses>().ListAsync(context.Aborted()))
        {
            if (Write(pause.Target) != target)
            {
                continue;
            }
            if (await context.Service<AuditGate>().MakePartAsync(AuditedAs(pause.Target), ResumeIt) is { } refusal)
            {
                context.Response.StatusCode = refusal.Status;
                return;
            }

            async Task<PartRefusal?> ResumeIt()
            {
                if (!PauseForm.MayPause(context, pause.Target))
                {
                    return new PartRefusal(StatusCodes.Status403Forbidden, "The caller may not resume it.");
                }
                await context.Service<Pauses>().ResumeAsync(pause.Target, context.Aborted());
                return null;
            }
        }
        context.GoTo("/sql/clusters");
    }

    private static Markup DrawPause(DashboardContext context, QueuePause pause)
    {
        var button = PauseForm.MayPause(context, pause.Target)
            ? context.Button(
                "/sql/pauses/end", $"Resume {pause.Target}", "btn-default", ("target", Write(pause.Target)))
            : Markup.Empty;
        return Markup.Of($"""
            <li>{Pieces.State("PAUSED")} {pause.Target.ToString()} {PauseForm.Describe(pause)} {button}</li>
            """);
    }

    private static Markup DrawForm(DashboardContext context, PauseTarget[] mine)
    {
        var targets = mine
            .Select(target => Markup.Of($"""<option value="{Write(target)}">{target.ToString()}</option>"""));
        return Markup.Of($"""
            <div class="hd-actions">{context.Form("/sql/pauses/add", Markup.Of($"""
            <select name="target" class="form-control" aria-label="What to pause">{targets}</select>
            {PauseForm.DrawFields()}
            """))}</div>
            <p class="hd-aside">{PauseForm.Meaning}</p>
            """);
    }

    private static IEnumerable<PauseTarget> TargetsIn(CatalogSnapshot catalog) =>
    [
        PauseTarget.Queue,
        .. catalog.Clusters.Select(cluster => PauseTarget.Cluster(cluster.Id)),
        .. catalog.Commands.Select(command => PauseTarget.Command(command.Id)),
    ];

    private static async Task<PauseTarget?> FindAsync(DashboardContext context)
    {
        var target = await PauseForm.FieldAsync(context, "target");
        return TargetsIn(context.Service<LiveCatalog>().Current).Cast<PauseTarget?>()
            .FirstOrDefault(one => Write(one!.Value) == target);
    }

    private static string Write(PauseTarget target) => $"{target.Scope}/{target.Id}";

    private static string AuditedAs(PauseTarget target) => target == PauseTarget.Queue ? "queue" : Write(target);
}
