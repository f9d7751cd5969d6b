using Heimdall.Api.Problems;
using Heimdall.Core.Scripts;

namespace Heimdall.Api.Scripts;

/// <summary>
/// <c>DELETE /api/v1/sql/{path}</c>. A job that is queued with the script will fail, one that
/// runs goes on. The path stays its owner's: a script of somebody else may include what is put there again.
/// </summary>
internal static class DeleteScript
{
    public static async Task<IResult> HandleAsync(
        string path, HttpContext context, ScriptFolder folder, ScriptAccess access, ScriptWriter writer,
        CancellationToken cancellationToken)
    {
        var place = folder.Locate(ScriptRequest.PathOf(context, path));
        if (place.Kind != ScriptPlaceKind.Script)
        {
            return ScriptRequest.Refusal(place);
        }
        if (!await access.SeesAsync(context, place, cancellationToken))
        {
            return ScriptAccess.Unknown(place);
        }
        if (await access.RefuseChangeAsync(context, place, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        var (condition, problem) = ScriptRequest.ConditionOf(context.Request);
        if (condition is null)
        {
            return Problem.Invalid([problem!]);
        }
        var change = await writer.DeleteAsync(place, condition, cancellationToken);
        return change.Kind switch
        {
            ScriptChangeKind.Deleted => TypedResults.NoContent(),
            ScriptChangeKind.ConditionFailed => ScriptRequest.ConditionFailed(place),
            _ => Problem.NotFound($"There is no script {place.Name}."),
        };
    }
}
