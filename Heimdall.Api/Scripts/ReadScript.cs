using Heimdall.Core.Scripts;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Scripts;

/// <summary><c>GET /api/v1/sql/{path}</c>: the script, with the hash of its content as ETag.</summary>
internal static class ReadScript
{
    public static async Task<IResult> HandleAsync(
        string path, HttpContext context, ScriptFolder folder, ScriptAccess access, CancellationToken cancellationToken)
    {
        var place = folder.Locate(ScriptRequest.PathOf(context, path));
        if (place.Kind == ScriptPlaceKind.Script && !await access.SeesAsync(context, place, cancellationToken))
        {
            return ScriptAccess.Unknown(place);
        }
        if (place.Kind != ScriptPlaceKind.Script || place.Open() is not { } file)
        {
            return ScriptRequest.Refusal(place);
        }
        try
        {
            // Read twice, as the tag goes first. Both times it is the file that was opened, whatever takes its place.
            var hash = await ScriptPlace.HashAsync(file, cancellationToken);
            file.Position = 0;
            return TypedResults.Stream(file, ScriptRequest.ContentType, entityTag: new EntityTagHeaderValue(ScriptRequest.TagOf(hash)));
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }
}
