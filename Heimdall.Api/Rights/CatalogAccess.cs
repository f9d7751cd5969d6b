using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Rights;

/// <summary>What callers may do with commands and clusters. One that they may not see is not there for them.</summary>
internal static class CatalogAccess
{
    public static Command? SeenCommand(this HttpContext context, LiveCatalog catalog, string id) =>
        catalog.Current.FindCommand(id) is { } command && context.Caller().Rights.Sees(command) ? command : null;

    public static Cluster? SeenCluster(this HttpContext context, LiveCatalog catalog, string id) =>
        catalog.Current.FindCluster(id) is { } cluster && context.Caller().Rights.Sees(cluster) ? cluster : null;

    /// <summary>Whether a pause is about something that the caller sees. A pause of all is.</summary>
    public static bool Sees(this HttpContext context, LiveCatalog catalog, PauseTarget target) =>
        target == PauseTarget.Queue
        || (target == PauseTarget.Cluster(target.Id) && context.SeenCluster(catalog, target.Id) is not null)
        || (target == PauseTarget.Command(target.Id) && context.SeenCommand(catalog, target.Id) is not null)
        || context.Caller().Rights.HasEverywhere(Right.SeeCatalog);

    /// <summary>Whether the caller may pause something and resume it.</summary>
    public static bool Controls(this HttpContext context, LiveCatalog catalog, PauseTarget target)
    {
        var rights = context.Caller().Rights;
        return rights.HasEverywhere(Right.ControlQueue)
            || (target == PauseTarget.Cluster(target.Id)
                && catalog.Current.FindCluster(target.Id) is { } cluster && rights.Controls(cluster))
            || (target == PauseTarget.Command(target.Id)
                && catalog.Current.FindCommand(target.Id) is { } command && rights.Controls(command));
    }

    public static ProblemHttpResult RefuseControl(string what) =>
        RightsGate.Refuse(Right.ControlQueue, $"{what} also serves jobs for which your role does not count.");
}
