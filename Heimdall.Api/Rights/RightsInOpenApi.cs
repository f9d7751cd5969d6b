using Heimdall.Core.Configuration;

namespace Heimdall.Api.Rights;

/// <summary>What the OpenAPI document says of rights.</summary>
internal static class RightsInOpenApi
{
    /// <summary>Who may use an operation; null for everybody whom the server knows.</summary>
    public static string? Describe(Right right) =>
        right is Right.None or Right.Known ? null : AccessTable.Describe(right);

    /// <summary>The types of problems that callers may get for who they are.</summary>
    public static IEnumerable<string> TypesFor(Right right, AuthConfig config)
    {
        if (right == Right.None)
        {
            yield break;
        }
        yield return "unauthorized";
        yield return "too-many-wrong-credentials";
        if (config.Jwt is not null)
        {
            yield return "identity-provider-away";
        }
        if (right != Right.Known)
        {
            yield return "forbidden";
        }
    }
}
