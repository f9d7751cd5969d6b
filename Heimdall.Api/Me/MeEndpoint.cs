using Heimdall.Api.Callers;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hooks;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Me;

internal static class MeEndpoint
{
    public static void MapMe(this IEndpointRouteBuilder api) => api.MapGet("/me", Answer)
        .WithTags(TagList.Callers)
        .Named("getMe", "Who you are to this server, and what you may do.")
        .Replies<MeView>(StatusCodes.Status200OK, "The caller.");

    private static JsonHttpResult<MeView> Answer(HttpContext context, HookBook hooks) =>
        TypedResults.Json(MeView.Of(context.Caller(), hooks), ApiJson.Options);
}

/// <summary>A caller as they see themselves.</summary>
/// <param name="User">The name.</param>
/// <param name="AuthenticatedBy"><c>api_key</c>, <c>jwt</c>, <c>oidc</c>, <c>header</c> or <c>loopback</c>.</param>
/// <param name="Roles">Each role once.</param>
/// <param name="Scopes">Each role with where it counts.</param>
/// <param name="KeyExpiresAt">When the key is refused; absent: never, or there is no key.</param>
/// <param name="Hooks">The hooks that on_end of a job or a schedule of theirs may name; absent: none.</param>
internal sealed record MeView(
    string User,
    [property: Words(Credentials.Key, Credentials.Jwt, Credentials.Oidc, Credentials.Header, Credentials.Loopback)]
    string AuthenticatedBy,
    [property: OneOf("RoleName", typeof(RoleNames))] IReadOnlyList<string> Roles, IReadOnlyList<ScopeView> Scopes,
    DateTime? KeyExpiresAt, IReadOnlyList<string>? Hooks)
{
    public static MeView Of(Caller caller, HookBook hooks) => new(
        caller.Name,
        caller.AuthenticatedBy,
        [.. caller.Rights.Grants.Select(grant => grant.Role).Distinct().Order().Select(role => role.ToName())],
        [.. caller.Rights.Grants.Select(ScopeView.Of)],
        caller.KeyExpiresAt?.UtcDateTime,
        hooks.IdsFor(caller.Name) is { Count: > 0 } ids ? ids : null);
}

/// <summary>A role and where it counts. Absent tags: everywhere.</summary>
internal sealed record ScopeView(
    [property: OneOf("RoleName", typeof(RoleNames))] string Role,
    IReadOnlyList<string>? CommandTags, IReadOnlyList<string>? ClusterTags)
{
    public static ScopeView Of(Grant grant) => new(
        grant.Role.ToName(),
        grant.Scope.CommandTags.Count > 0 ? grant.Scope.CommandTags : null,
        grant.Scope.ClusterTags.Count > 0 ? grant.Scope.ClusterTags : null);
}
