using System.Text.Json;

namespace Heimdall.Api.Serialization;

/// <summary>The JSON of a request's body, before anybody looks at its fields.</summary>
internal static class JsonBody
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowDuplicateProperties = true };

    /// <summary>
    /// Reads a body. Fields that are there twice are left for whoever reads them: looking for them reads their names, and those may not be
    /// readable.
    /// </summary>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    public static Task<JsonDocument> ParseAsync(Stream body, CancellationToken cancellationToken) =>
        JsonDocument.ParseAsync(body, Lenient, cancellationToken);
}
