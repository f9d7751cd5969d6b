using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Heimdall.Api.Descriptions;

/// <summary>A parameter of the query string, or a header of a request.</summary>
internal sealed record ParameterDescription(string Name, string Meaning, Func<OpenApiSchema> Schema)
{
    public ParameterLocation In { get; init; } = ParameterLocation.Query;

    public static ParameterDescription Text(string name, string meaning) =>
        new(name, meaning, () => new() { Type = JsonSchemaType.String });

    public static ParameterDescription Uuid(string name, string meaning) =>
        new(name, meaning, () => new() { Type = JsonSchemaType.String, Format = "uuid" });

    public static ParameterDescription Time(string name, string meaning) =>
        new(name, meaning, () => new() { Type = JsonSchemaType.String, Format = "date-time" });

    public static ParameterDescription Flag(string name, string meaning) =>
        new(name, meaning, () => new() { Type = JsonSchemaType.Boolean, Default = false });

    public static ParameterDescription Number(
        string name, string meaning, long least, long? most = null, long? standard = null) =>
        new(name, meaning, () => new()
        {
            Type = JsonSchemaType.Integer,
            Format = most is null ? "int64" : "int32",
            Minimum = least.ToString(CultureInfo.InvariantCulture),
            Maximum = most?.ToString(CultureInfo.InvariantCulture),
            Default = standard is { } value ? JsonValue.Create(value) : null,
        });

    public static ParameterDescription Word(
        string name, string meaning, IEnumerable<string> words, string? standard = null) =>
        new(name, meaning, () => Enumeration(words, standard));

    /// <summary>One that may be there more than once.</summary>
    public static ParameterDescription Words(string name, string meaning, IEnumerable<string> words) =>
        new(name, meaning, () => new() { Type = JsonSchemaType.Array, Items = Enumeration(words, standard: null) });

    public static ParameterDescription Header(string name, string meaning) =>
        Text(name, meaning) with { In = ParameterLocation.Header };

    public OpenApiParameter Create() => new() { Name = Name, In = In, Description = Meaning, Schema = Schema() };

    private static OpenApiSchema Enumeration(IEnumerable<string> words, string? standard) => new()
    {
        Type = JsonSchemaType.String,
        Enum = [.. words.Select(word => JsonValue.Create(word))],
        Default = standard is null ? null : JsonValue.Create(standard),
    };
}
