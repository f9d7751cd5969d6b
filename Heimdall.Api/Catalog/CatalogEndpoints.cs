using Heimdall.Api.Conditions;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Catalog;

internal static class CatalogEndpoints
{
    private const int Ok = StatusCodes.Status200OK;

    public static void MapCatalog(this IEndpointRouteBuilder api)
    {
        var catalog = api.MapGroup("").WithTags(TagList.Catalog);
        MapCommands(catalog);
        MapClusters(catalog);
        catalog.MapDefinitions();
    }

    private static void MapCommands(IEndpointRouteBuilder catalog)
    {
        catalog.MapGet("/commands", CommandsAsync)
            .Named("listCommands", "All commands.")
            .Replies<CommandView[]>(Ok, "The commands that the caller may see.");
        catalog.MapGet("/command/statuses", Statuses)
            .Named("listCommandStatuses", "The statuses a command can have.")
            .RepliesWords("CatalogStatusName", typeof(CatalogStatusNames));
        catalog.MapGet("/command/{id}", CommandAsync)
            .Named("getCommand", "One command.")
            .Replies<CommandView>(Ok, "The command.", HeaderList.ETag)
            .TakesReadConditions()
            .Refuses("not-found");
        catalog.MapGet("/command/{id}/status", CommandStatusAsync)
            .Named("getCommandStatus", "Whether a command gets new jobs.")
            .Replies<CatalogStatusView>(Ok, "Its status.")
            .Refuses("not-found");
        catalog.MapPut("/command/{id}/status", SetCommandStatusAsync)
            .Named("setCommandStatus", "Activate or deactivate a command.")
            .Accepts<SetStatusRequest>(OperationDescriptions.Json)
            .Replies<CatalogStatusView>(Ok, "Its status now.")
            .Refuses("not-found");
    }

    private static void MapClusters(IEndpointRouteBuilder catalog)
    {
        catalog.MapGet("/clusters", ClustersAsync)
            .Named("listClusters", "All clusters.")
            .Replies<ClusterView[]>(Ok, "The clusters that the caller may see.");
        catalog.MapGet("/clusters/health", ClustersHealthAsync)
            .Named("probeClusters", "Probe all active clusters.")
            .Replies<ClustersHealthView>(Ok, "All of them answer.")
            .Replies<ClustersHealthView>(StatusCodes.Status503ServiceUnavailable, "One of them does not answer.");
        catalog.MapGet("/cluster/statuses", Statuses)
            .Named("listClusterStatuses", "The statuses a cluster can have.")
            .RepliesWords("CatalogStatusName", typeof(CatalogStatusNames));
        catalog.MapGet("/cluster/{id}", ClusterAsync)
            .Named("getCluster", "One cluster.")
            .Replies<ClusterView>(Ok, "The cluster.", HeaderList.ETag)
            .TakesReadConditions()
            .Refuses("not-found");
        catalog.MapGet("/cluster/{id}/status", ClusterStatusAsync)
            .Named("getClusterStatus", "Whether a cluster gets new jobs.")
            .Replies<CatalogStatusView>(Ok, "Its status.")
            .Refuses("not-found");
        catalog.MapPut("/cluster/{id}/status", SetClusterStatusAsync)
            .Named("setClusterStatus", "Activate or deactivate a cluster.")
            .Accepts<SetStatusRequest>(OperationDescriptions.Json)
            .Replies<CatalogStatusView>(Ok, "Its status now.")
            .Refuses("not-found");
        catalog.MapGet("/cluster/{id}/health", ClusterHealthAsync)
            .Named("probeCluster", "Probe a cluster.")
            .Replies<ClusterHealthView>(Ok, "It answers.")
            .Replies<ClusterHealthView>(StatusCodes.Status503ServiceUnavailable, "It does not answer.")
            .Refuses("not-found");
    }

    private static JsonHttpResult<IReadOnlyList<string>> Statuses() => TypedResults.Json(CatalogStatusNames.All, ApiJson.Options);

    private static async Task<IResult> CommandsAsync(
        HttpContext context, LiveCatalog catalog, Pauses pauses, CancellationToken cancellationToken)
    {
        var held = await pauses.ListAsync(cancellationToken);
        var seen = catalog.Current.Commands.Where(context.Caller().Rights.Sees);
        return TypedResults.Json(seen.Select(command => CommandView.Of(command, held)), ApiJson.Options);
    }

    private static async Task<IResult> ClustersAsync(
        HttpContext context, LiveCatalog catalog, Pauses pauses, CancellationToken cancellationToken)
    {
        var held = await pauses.ListAsync(cancellationToken);
        var seen = catalog.Current.Clusters.Where(context.Caller().Rights.Sees);
        return TypedResults.Json(seen.Select(cluster => ClusterView.Of(cluster, held)), ApiJson.Options);
    }

    private static Task<Results<JsonHttpResult<CommandView>, ProblemHttpResult>> CommandAsync(
        string id, HttpContext context, CatalogReplies replies, CancellationToken cancellationToken) =>
        replies.CommandAsync(context, id, Ok, cancellationToken);

    private static Results<JsonHttpResult<CatalogStatusView>, ProblemHttpResult> CommandStatusAsync(
        string id, HttpContext context, LiveCatalog catalog) =>
        context.SeenCommand(catalog, id) is { } command ? Status(id, command.Status) : UnknownCommand(id);

    private static Task<Results<JsonHttpResult<ClusterView>, ProblemHttpResult>> ClusterAsync(
        string id, HttpContext context, CatalogReplies replies, CancellationToken cancellationToken) =>
        replies.ClusterAsync(context, id, Ok, cancellationToken);

    private static Results<JsonHttpResult<CatalogStatusView>, ProblemHttpResult> ClusterStatusAsync(
        string id, HttpContext context, LiveCatalog catalog) =>
        context.SeenCluster(catalog, id) is { } cluster ? Status(id, cluster.Status) : UnknownCluster(id);

    private static Task<Results<JsonHttpResult<CatalogStatusView>, ProblemHttpResult>> SetCommandStatusAsync(
        string id, HttpRequest request, CatalogStore store, LiveCatalog catalog, CancellationToken cancellationToken)
    {
        var refusal = request.HttpContext.SeenCommand(catalog, id) is not { } command ? UnknownCommand(id)
            : request.HttpContext.Caller().Rights.Controls(command) ? null
            : CatalogAccess.RefuseControl($"Command '{id}'");
        return SetStatusAsync(
            id, request, refusal, store.SetCommandStatusAsync, UnknownCommand, catalog, cancellationToken);
    }

    private static Task<Results<JsonHttpResult<CatalogStatusView>, ProblemHttpResult>> SetClusterStatusAsync(
        string id, HttpRequest request, CatalogStore store, LiveCatalog catalog, CancellationToken cancellationToken)
    {
        var refusal = request.HttpContext.SeenCluster(catalog, id) is not { } cluster ? UnknownCluster(id)
            : request.HttpContext.Caller().Rights.Controls(cluster) ? null
            : CatalogAccess.RefuseControl($"Cluster '{id}'");
        return SetStatusAsync(
            id, request, refusal, store.SetClusterStatusAsync, UnknownCluster, catalog, cancellationToken);
    }

    private static async Task<Results<JsonHttpResult<CatalogStatusView>, ProblemHttpResult>> SetStatusAsync(
        string id,
        HttpRequest request,
        ProblemHttpResult? refusal,
        Func<string, CatalogStatus, CancellationToken, Task<bool>> setAsync,
        Func<string, ProblemHttpResult> unknown,
        LiveCatalog catalog,
        CancellationToken cancellationToken)
    {
        if (refusal is not null)
        {
            return refusal;
        }
        if (!request.HasJsonContentType())
        {
            return Problem.NotJson("status");
        }
        var fields = await JsonFields.ReadAsync(request, cancellationToken);
        if (!CatalogStatusNames.TryParse(fields.Text("status"), out var status))
        {
            fields.Add("status", $"Must be one of {string.Join(", ", CatalogStatusNames.All)}.");
        }
        if (fields.Problems() is { Count: > 0 } problems)
        {
            return Problem.Invalid(problems);
        }
        if (!await setAsync(id, status, cancellationToken))
        {
            return unknown(id);
        }
        await catalog.RefreshAsync(cancellationToken);
        return Status(id, status);
    }

    private static async Task<Results<JsonHttpResult<ClusterHealthView>, ProblemHttpResult>> ClusterHealthAsync(
        string id, HttpContext context, LiveCatalog catalog, ClusterProber prober, CancellationToken cancellationToken)
    {
        if (context.SeenCluster(catalog, id) is not { } cluster)
        {
            return UnknownCluster(id);
        }
        var health = await prober.ProbeAsync(cluster, cancellationToken);
        return TypedResults.Json(ClusterHealthView.Of(cluster, health), ApiJson.Options, statusCode: StatusOf(health.Healthy));
    }

    private static async Task<JsonHttpResult<ClustersHealthView>> ClustersHealthAsync(
        HttpContext context, LiveCatalog catalog, ClusterProber prober, CancellationToken cancellationToken)
    {
        var rights = context.Caller().Rights;
        var views = await Task.WhenAll(catalog.Current.Clusters
            .Where(cluster => cluster.Status == CatalogStatus.Active && rights.Sees(cluster))
            .Select(async cluster => ClusterHealthView.Of(cluster, await prober.ProbeAsync(cluster, cancellationToken))));
        var healthy = views.All(view => view.Healthy);
        return TypedResults.Json(new ClustersHealthView(healthy, views), ApiJson.Options, statusCode: StatusOf(healthy));
    }

    private static int StatusOf(bool healthy) => healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;

    private static JsonHttpResult<CatalogStatusView> Status(string id, CatalogStatus status) =>
        TypedResults.Json(new CatalogStatusView(id, status.ToName()), ApiJson.Options);

    private static ProblemHttpResult UnknownCommand(string id) => Problem.NotFound($"There is no command '{id}'.");

    private static ProblemHttpResult UnknownCluster(string id) => Problem.NotFound($"There is no cluster '{id}'.");
}

/// <summary>The body of <c>PUT …/status</c>, for its description.</summary>
internal sealed record SetStatusRequest(
    [property: OneOf("CatalogStatusName", typeof(CatalogStatusNames))] string Status);
