using System.Text.Json.Nodes;
using Heimdall.Api.Conditions;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Hooks;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Catalog;

/// <summary>Commands and clusters are put and deleted.</summary>
internal static class DefinitionEndpoints
{
    public static void MapDefinitions(this IEndpointRouteBuilder catalog)
    {
        catalog.MapPut("/command/{id:definition}", PutCommandAsync)
            .Named("putCommand", "Make a command, or replace its definition, also that of a file.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Accepts<PutCommandRequest>(OperationDescriptions.Json)
            .Replies<CommandView>(StatusCodes.Status200OK, "The command was replaced.", HeaderList.ETag)
            .Replies<CommandView>(
                StatusCodes.Status201Created, "The command was made.", HeaderList.ETag, HeaderList.Location)
            .Refuses("not-found", "precondition-failed");
        catalog.MapDelete("/command/{id:definition}", DeleteCommandAsync)
            .Named("deleteCommand", "Take away what was put: a file's definition holds again, or there is none.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Replies(StatusCodes.Status204NoContent, "It is taken away.")
            .Refuses("not-found", "conflict", "precondition-failed");
        catalog.MapPut("/cluster/{id:definition}", PutClusterAsync)
            .Named("putCluster", "Make a cluster, or replace its definition, also that of a file.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Accepts<PutClusterRequest>(OperationDescriptions.Json)
            .Replies<ClusterView>(StatusCodes.Status200OK, "The cluster was replaced.", HeaderList.ETag)
            .Replies<ClusterView>(
                StatusCodes.Status201Created, "The cluster was made.", HeaderList.ETag, HeaderList.Location)
            .Refuses("not-found", "precondition-failed");
        catalog.MapDelete("/cluster/{id:definition}", DeleteClusterAsync)
            .Named("deleteCluster", "Take away what was put: a file's definition holds again, or there is none.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Replies(StatusCodes.Status204NoContent, "It is taken away.")
            .Refuses("not-found", "conflict", "precondition-failed");
    }

    private static async Task<IResult> PutCommandAsync(
        string id, HttpContext context, DefinitionEditor editor, CatalogReplies replies,
            CancellationToken cancellationToken)
    {
        var (isNew, refusal) = await editor.PutCommandAsync(id, context, cancellationToken);
        return refusal ?? await replies.CommandAsync(context, id, Made(context, "command", id, isNew),
            cancellationToken);
    }

    private static async Task<IResult> PutClusterAsync(
        string id, HttpContext context, DefinitionEditor editor, CatalogReplies replies,
            CancellationToken cancellationToken)
    {
        var (isNew, refusal) = await editor.PutClusterAsync(id, context, cancellationToken);
        return refusal ?? await replies.ClusterAsync(context, id, Made(context, "cluster", id, isNew),
            cancellationToken);
    }

    private static int Made(HttpContext context, string kind, string id, bool isNew)
    {
        if (!isNew)
        {
            return StatusCodes.Status200OK;
        }
        context.Response.Headers.Location =
            context.Request.PublicPathOf($"/api/v1/{kind}/{Uri.EscapeDataString(id)}");
        return StatusCodes.Status201Created;
    }

    private static Task<IResult> DeleteCommandAsync(
        string id, HttpContext context, PutDefinitions definitions, LiveCatalog catalog,
            CancellationToken cancellationToken) =>
        DeleteAsync("command", id, context, catalog, definitions.DeleteCommandAsync, cancellationToken);

    private static Task<IResult> DeleteClusterAsync(
        string id, HttpContext context, PutDefinitions definitions, LiveCatalog catalog,
            CancellationToken cancellationToken) =>
        DeleteAsync("cluster", id, context, catalog, definitions.DeleteClusterAsync, cancellationToken);

    private static async Task<IResult> DeleteAsync(
        string kind, string id, HttpContext context, LiveCatalog catalog,
        Func<string, Predicate<DefinitionVersion>, CancellationToken, Task<DeletedDefinition>> deleteAsync,
        CancellationToken cancellationToken)
    {
        if (EditCondition.Read(context.Request) is not { } condition)
        {
            return EditCondition.Unreadable();
        }
        var deleted = await deleteAsync(
            id, version => condition.Allows(DefinitionEditor.TagOf(version)), cancellationToken);
        await catalog.RefreshAsync(cancellationToken);
        return deleted switch
        {
            DeletedDefinition.Unknown => Problem.NotFound($"There is no {kind} '{id}'."),
            DeletedDefinition.IsAnother => EditCondition.Failed(kind, id),
            DeletedDefinition.IsOfFile => Problem.Of(
                StatusCodes.Status409Conflict, "conflict", $"The {kind} is in a configuration file.",
                $"Take '{id}' out of the file and restart, or set its status to INACTIVE."),
            DeletedDefinition.IsOfOlderFile => Problem.Of(
                StatusCodes.Status409Conflict, "conflict", $"What a file says of the {kind} is not known.",
                "The process that said it last is of an older version of Heimdall. Start one of this version with that "
                + $"file first, or set the status of '{id}' to INACTIVE."),
            _ => TypedResults.NoContent(),
        };
    }
}

/// <summary>The body of <c>PUT /api/v1/command/{id}</c>, for its description.</summary>
internal sealed record PutCommandRequest(
    string? Id, string? Name, string Version, string? Description,
    [property: OneOf("CatalogStatusName", typeof(CatalogStatusNames))] string? Status, string Plugin, string[]? Tags,
    string[] ClusterTags, string[]? AllowedCallers, int? MaxAttempts, bool? Idempotent, int? MaxConcurrency,
    int? MaxPriority,
    [property: Words(CommandConfig.ApprovalRequired, CommandConfig.ApprovalNone)] string? Approval,
    string? ApprovalExpires, string[]? Approvers, OnEndView[]? OnEnd, CommandRetentionView? Retention,
    JsonObject? Context);

/// <summary>The body of <c>PUT /api/v1/cluster/{id}</c>, for its description.</summary>
internal sealed record PutClusterRequest(
    string? Id, string? Name, string? Version, string? Description,
    [property: OneOf("CatalogStatusName", typeof(CatalogStatusNames))] string? Status, string[]? Tags, int? Weight,
    int? MaxConcurrency, int? MaxInline, JsonObject Context);
