using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Scripts;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Scripts;

/// <summary><c>PUT /api/v1/sql/{path}</c>: the body, of whatever type, becomes the script.</summary>
internal static class PutScript
{
    public static async Task<IResult> HandleAsync(
        string path, HttpContext context, ScriptFolder folder, ScriptAccess access, ScriptWriter writer,
        SqlUploadsConfig config, CancellationToken cancellationToken)
    {
        var request = context.Request;
        var place = folder.Locate(ScriptRequest.PathOf(context, path));
        if (place.Kind == ScriptPlaceKind.Taken)
        {
            return Taken(place);
        }
        if (!place.TakesScript)
        {
            return ScriptRequest.Refusal(place);
        }
        if (await access.RefuseChangeAsync(context, place, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        var (condition, problem) = ScriptRequest.ConditionOf(request);
        if (condition is null)
        {
            return Problem.Invalid([problem!]);
        }
        if (request.Headers.ContentRange.Count > 0)
        {
            return Problem.Invalid([new("body", "Must be the whole script, without Content-Range.")]);
        }
        if (request.ContentLength > config.MaxBytes)
        {
            return TooLarge(config);
        }
        // The server's own limit is for JSON. The writer counts, also where no length is told.
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        var (isClaimed, mayWrite) = await access.ClaimAsync(context, place, cancellationToken);
        if (!mayWrite)
        {
            return ScriptAccess.RefuseTaken(place);
        }
        var change = new ScriptChange(ScriptChangeKind.Missing);
        try
        {
            change = await writer.WriteAsync(place, request.Body, config.MaxBytes, condition, cancellationToken);
        }
        finally
        {
            if (isClaimed && change.Kind is not (ScriptChangeKind.Created or ScriptChangeKind.Replaced))
            {
                await access.ReleaseAsync(place);
            }
        }
        switch (change.Kind)
        {
            case ScriptChangeKind.TooLarge:
                return TooLarge(config);
            case ScriptChangeKind.TotalTooLarge:
                return TotalTooLarge(config);
            case ScriptChangeKind.Empty:
                return Problem.Invalid([new("body", "Must not be empty.")]);
            case ScriptChangeKind.Taken:
                return Taken(place);
            case ScriptChangeKind.ConditionFailed:
                return ScriptRequest.ConditionFailed(place);
        }
        context.Response.Headers.ETag = ScriptRequest.TagOf(change.Sha256);
        if (change.Kind == ScriptChangeKind.Created)
        {
            context.Response.Headers.Location = request.PublicPathOf(ScriptRequest.PathTo(place.Name));
        }
        return TypedResults.Json(
            new ScriptView(place.Name, change.Bytes, change.Sha256), ApiJson.Options,
            statusCode: change.Kind == ScriptChangeKind.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static ProblemHttpResult Taken(ScriptPlace place) => Problem.Of(
        StatusCodes.Status409Conflict, "conflict", "Something else is there.",
        $"At {place.Name} or on the way to it is something that is neither a script nor a directory for it.");

    private static ProblemHttpResult TotalTooLarge(SqlUploadsConfig config) => Problem.Of(
        StatusCodes.Status413PayloadTooLarge, "too-large", "The scripts are too large together.",
        $"With it, the directory of scripts would have more than {config.MaxTotalBytes} bytes "
        + "(sql_uploads.max_total_bytes): delete some. Nothing was changed.");

    private static ProblemHttpResult TooLarge(SqlUploadsConfig config) => Problem.Of(
        StatusCodes.Status413PayloadTooLarge, "too-large", "The script is too large.",
        $"A script has {config.MaxBytes} bytes at most on this server (sql_uploads.max_bytes). Nothing was changed.");
}
