using Heimdall.Api.Callers;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Audit;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Me;

/// <summary><c>GET /api/v1/keys</c>: which API keys there are, and when each was last used.</summary>
internal static class KeysEndpoint
{
    public static void MapKeys(this IEndpointRouteBuilder api) => api.MapGet("/keys", AnswerAsync)
        .WithTags(TagList.Callers)
        .Named("listKeys", "The API keys that are configured: your own, or everybody's for who may read the audit.")
        .Replies<KeyListView>(StatusCodes.Status200OK, "The keys, by user.");

    private static async Task<JsonHttpResult<KeyListView>> AnswerAsync(
        HttpContext context, ApiKeyRing keys, KeyUseStore uses, CancellationToken cancellationToken)
    {
        var caller = context.Caller();
        var seesAll = caller.Rights.HasEverywhere(Right.SeeAudit);
        var last = await uses.ReadAsync(cancellationToken);
        var views = keys.All.Where(key => seesAll || key.Config.User == caller.Name)
            .OrderBy(key => key.Config.User, StringComparer.Ordinal).ThenBy(key => key.Id, StringComparer.Ordinal)
            .Select(key => KeyView.Of(key, last.GetValueOrDefault(key.Id)));
        return TypedResults.Json(new KeyListView([.. views]), ApiJson.Options);
    }
}

/// <summary>Keys that are configured.</summary>
internal sealed record KeyListView(IReadOnlyList<KeyView> Data);

/// <summary>An API key, without what it is made of.</summary>
/// <param name="Id">The beginning of the SHA-256 of its <c>hash</c> in the configuration.</param>
/// <param name="User">Whose it is.</param>
/// <param name="ExpiresAt">From when on it is refused; absent: never.</param>
/// <param name="LastUsedAt">Absent: not within <c>retention.audit</c>, or for the first time in the last ten seconds.</param>
/// <param name="LastUsedFrom">The address; absent: not known.</param>
internal sealed record KeyView(
    string Id, string User, DateTime? ExpiresAt, DateTime? LastUsedAt, string? LastUsedFrom)
{
    public static KeyView Of(KnownKey key, LastKeyUse? last) => new(
        key.Id, key.Config.User, key.Config.Expires?.UtcDateTime, last?.At, last?.Address);
}
