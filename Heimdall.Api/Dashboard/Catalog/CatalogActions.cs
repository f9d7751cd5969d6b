using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>The buttons of a cluster's and of a command's page.</summary>
internal static class CatalogActions
{
    public static Func<DashboardContext, Task> Of(
        Func<DashboardContext, CatalogTarget> toTarget, Func<DashboardContext, CatalogTarget, Task<bool>> actAsync) =>
        async context =>
        {
            var target = toTarget(context);
            var response = context.Response;
            if (!target.IsSeen)
            {
                response.StatusCode = StatusCodes.Status404NotFound;
            }
            else if (!PauseForm.MayPause(context, target.Pause))
            {
                await CatalogAccess.RefuseControl($"The {target.Pause}").ExecuteAsync(context.GetHttpContext());
            }
            else if (await actAsync(context, target))
            {
                context.GoTo(target.Path);
            }
            else
            {
                response.StatusCode = StatusCodes.Status400BadRequest;
            }
        };

    public static Task<bool> PauseAsync(DashboardContext context, CatalogTarget target) =>
        PauseForm.PauseAsync(context, target.Pause);

    public static async Task<bool> ResumeAsync(DashboardContext context, CatalogTarget target)
    {
        await context.Service<Pauses>().ResumeAsync(target.Pause, context.Aborted());
        return true;
    }

    public static async Task<bool> SetStatusAsync(DashboardContext context, CatalogTarget target)
    {
        var wanted = await PauseForm.FieldAsync(context, CatalogButtons.StatusField);
        if (!CatalogStatusNames.TryParse(wanted, out var status))
        {
            return false;
        }
        var store = context.Service<CatalogStore>();
        var isDone = target.Pause == PauseTarget.Cluster(target.Pause.Id)
            ? await store.SetClusterStatusAsync(target.Pause.Id, status, context.Aborted())
            : await store.SetCommandStatusAsync(target.Pause.Id, status, context.Aborted());
        await context.Service<LiveCatalog>().RefreshAsync(context.Aborted());
        return isDone;
    }
}
