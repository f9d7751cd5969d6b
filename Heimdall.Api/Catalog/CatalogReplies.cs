using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Catalog;

/// <summary>Answers with one command or cluster as it is now, and its ETag.</summary>
internal sealed class CatalogReplies(
    LiveCatalog catalog, ClusterContexts contexts, ClusterProber prober, PluginCatalog plugins, Pauses pauses)
{
    public async Task<Results<JsonHttpResult<CommandView>, ProblemHttpResult>> CommandAsync(
        HttpContext context, string id, int status, CancellationToken cancellationToken)
    {
        if (context.SeenCommand(catalog, id) is not { } command)
        {
            return Problem.NotFound($"There is no command '{id}'.");
        }
        context.Response.Headers.ETag = DefinitionEditor.TagOf(DefinitionVersion.Of(command));
        var view = CommandView.Of(command, await pauses.ListAsync(cancellationToken));
        return TypedResults.Json(view, ApiJson.Options, statusCode: status);
    }

    public async Task<Results<JsonHttpResult<ClusterView>, ProblemHttpResult>> ClusterAsync(
        HttpContext context, string id, int status, CancellationToken cancellationToken)
    {
        if (context.SeenCluster(catalog, id) is not { } cluster)
        {
            return Problem.NotFound($"There is no cluster '{id}'.");
        }
        context.Response.Headers.ETag = DefinitionEditor.TagOf(DefinitionVersion.Of(cluster));
        var view = ClusterView.Of(cluster, await pauses.ListAsync(cancellationToken));
        if (cluster.Put is not null && context.Caller().Rights.HasEverywhere(Right.ChangeCatalog)
            && contexts.FindWritten(id) is { } written)
        {
            view = view with { Context = ClusterMask.Hide(written, PluginOf(cluster)) };
        }
        return TypedResults.Json(view, ApiJson.Options, statusCode: status);
    }

    /// <summary>Null where it is not known whose the context is.</summary>
    private IPlugin? PluginOf(Cluster cluster) =>
        prober.PluginOf(cluster) ?? (plugins.All.Count == 1 ? plugins.All.First() : null);
}
