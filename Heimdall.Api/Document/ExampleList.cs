using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Problems;
using Microsoft.OpenApi;

namespace Heimdall.Api.Document;

/// <summary>The examples of the document: of <c>Examples.json</c> by schema, and one a type of problem.</summary>
internal static class ExampleList
{
    private static readonly JsonObject _bySchema = Read();

    /// <summary>Adds the examples of a body's schema: of one object, of an array, or of each alternative.</summary>
    public static void Add(OpenApiDocument document, OpenApiMediaType media)
    {
        var examples = new Dictionary<string, IOpenApiExample>();
        foreach (var id in IdsIn(media.Schema))
        {
            if (_bySchema[id] is { } value)
            {
                document.AddComponent<IOpenApiExample>(id, new OpenApiExample { Value = value.DeepClone() });
                examples[id] = new OpenApiExampleReference(id, document);
            }
        }
        if (media.Schema?.Items is OpenApiSchemaReference { Reference.Id: { } item } && _bySchema[item] is { } one)
        {
            var id = $"{item}Array";
            document.AddComponent<IOpenApiExample>(
                id, new OpenApiExample { Value = new JsonArray(one.DeepClone()) });
            examples[id] = new OpenApiExampleReference(id, document);
        }
        if (examples.Count > 0)
        {
            media.Examples = examples;
        }
    }

    public static IOpenApiExample OfProblem(OpenApiDocument document, ProblemType type, int status)
    {
        var id = type.Statuses.Count == 1 ? type.Name : $"{type.Name}-{status}";
        document.AddComponent<IOpenApiExample>(id, new OpenApiExample
        {
            Summary = type.Meaning,
            Value = new JsonObject
            {
                ["type"] = type.Urn,
                ["title"] = type.Meaning,
                ["status"] = status,
                ["detail"] = type.Meaning,
            },
        });
        return new OpenApiExampleReference(id, document);
    }

    private static IEnumerable<string> IdsIn(IOpenApiSchema? schema) => schema switch
    {
        OpenApiSchemaReference { Reference.Id: { } id } => [id],
        { AnyOf: { } alternatives } => alternatives.SelectMany(IdsIn),
        _ => [],
    };

    private static JsonObject Read()
    {
        using var file = typeof(ExampleList).Assembly.GetManifestResourceStream("Heimdall.Api.Document.Examples.json")!;
        return JsonSerializer.Deserialize<JsonObject>(file)!;
    }
}
