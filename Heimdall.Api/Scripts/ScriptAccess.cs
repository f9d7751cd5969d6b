using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Core.Scripts;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Scripts;

/// <summary>
/// What callers may do with scripts. Who names a script in a job runs it as it is then, so its owner alone changes it,
/// or an operator. So it is with a path that the jobs or schedules of others name and where there is no script.
/// </summary>
internal sealed class ScriptAccess(ScriptFolder folder, ScriptOwners owners)
{
    /// <summary>Whether the caller may read what is there.</summary>
    public async Task<bool> SeesAsync(HttpContext context, ScriptPlace place, CancellationToken cancellationToken) =>
        context.Caller().Rights.OverScript(
            Right.SeeScripts, await owners.FindAsync(folder.RealPathOf(place), cancellationToken));

    /// <returns>404 or 403; null where the caller may change the script.</returns>
    public async Task<ProblemHttpResult?> RefuseChangeAsync(
        HttpContext context, ScriptPlace place, CancellationToken cancellationToken)
    {
        var rights = context.Caller().Rights;
        if (rights.HasEverywhere(Right.ChangeScripts))
        {
            return null;
        }
        var path = folder.RealPathOf(place);
        var owner = await owners.FindAsync(path, cancellationToken);
        if (place.Name != path)
        {
            return RightsGate.Refuse(Right.ChangeScripts, $"{place.Name} is a link, and links belong to operators.");
        }
        if (owner is not null || place.Kind == ScriptPlaceKind.Script)
        {
            return rights.OverScript(Right.ChangeScripts, owner) ? null
                : owner is not null ? RefuseTaken(place)
                : RightsGate.Refuse(Right.ChangeScripts, $"The script {place.Name} belongs to operators.");
        }
        return await owners.IsNamedByOthersAsync(path, context.Caller().Name, cancellationToken)
            ? RightsGate.Refuse(
                Right.ChangeScripts,
                $"There is no script {place.Name}, and a job or schedule of another user names it.")
            : null;
    }

    /// <summary>Makes the caller the owner of a script that is not there yet and that nobody owns.</summary>
    /// <returns>Whether they have become the owner; and whether they may go on.</returns>
    public async Task<(bool IsNew, bool MayWrite)> ClaimAsync(
        HttpContext context, ScriptPlace place, CancellationToken cancellationToken)
    {
        var (path, user) = (folder.RealPathOf(place), context.Caller().Name);
        if (place.Kind == ScriptPlaceKind.Script)
        {
            return (false, true);
        }
        var isNew = await owners.TryClaimAsync(path, user, cancellationToken);
        var rights = context.Caller().Rights;
        var mayWrite = isNew
            || rights.OverScript(Right.ChangeScripts, await owners.FindAsync(path, cancellationToken));
        return (isNew, mayWrite);
    }

    /// <summary>The script has not come to be.</summary>
    public Task ReleaseAsync(ScriptPlace place) =>
        owners.ReleaseAsync(folder.RealPathOf(place), CancellationToken.None);

    /// <summary>403 for a script of another user.</summary>
    public static ProblemHttpResult RefuseTaken(ScriptPlace place) =>
        RightsGate.Refuse(Right.ChangeScripts, $"The script {place.Name} belongs to another user.");

    public static ProblemHttpResult Unknown(ScriptPlace place) => Problem.NotFound($"There is no script {place.Name}.");
}
