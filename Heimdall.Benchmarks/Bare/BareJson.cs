using System.Text.Json.Serialization;

namespace Heimdall.Benchmarks.Bare;

/// <summary>The body of <c>POST /query</c>.</summary>
internal sealed record BareQuery(string Query);

/// <summary>Reads it without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BareQuery))]
internal sealed partial class BareJson : JsonSerializerContext;
