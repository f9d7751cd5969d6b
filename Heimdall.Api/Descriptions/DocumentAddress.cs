namespace Heimdall.Api.Descriptions;

/// <summary>Where the API is described.</summary>
internal static class DocumentAddress
{
    /// <summary>The OpenAPI document, for programs.</summary>
    public const string Document = "/openapi/v1.json";

    /// <summary>The same as pages.</summary>
    public const string Pages = "/docs";
}
