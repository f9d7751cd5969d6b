using System.Reflection;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Microsoft.OpenApi;

namespace Heimdall.Api.Descriptions;

/// <summary>On a property whose type says less of it than is known: its schema.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal abstract class SchemaAttribute : Attribute
{
    public abstract IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins);
}

/// <summary>A text, or a list of texts, of which there are only some. They are those of a list in the code.</summary>
/// <param name="id">The name of the enumeration in the document.</param>
/// <param name="type">The class with the list, or an enumeration that is written in small letters.</param>
/// <param name="list">Its static property; by default <c>All</c>.</param>
internal sealed class OneOfAttribute(string id, Type type, string list = "All") : SchemaAttribute
{
    public override IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins)
    {
        var words = type.IsEnum
            ? Enum.GetNames(type).Select(name => name.ToLowerInvariant())
            : (IEnumerable<string>)type.GetProperty(list, BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;
        document.AddComponent<IOpenApiSchema>(id, new OpenApiSchema
        {
            Type = JsonSchemaType.String,
            Enum = [.. words.Select(word => JsonValue.Create(word))],
        });
        return new OpenApiSchemaReference(id, document);
    }
}

/// <summary>One of a few words.</summary>
internal sealed class WordsAttribute(params string[] words) : SchemaAttribute
{
    public override IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins) => new OpenApiSchema
    {
        Type = JsonSchemaType.String,
        Enum = [.. words.Select(word => JsonValue.Create(word))],
    };
}

/// <summary>Rows of values. Generators understand the alternatives, and fail at arrays of anything.</summary>
internal sealed class RowsAttribute : SchemaAttribute
{
    private const string Id = "Value";

    public override IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins)
    {
        document.AddComponent<IOpenApiSchema>(Id, new OpenApiSchema
        {
            Description = "A value of PostgreSQL.",
            AnyOf =
            [
                new OpenApiSchema
                {
                    Type = JsonSchemaType.String | JsonSchemaType.Number | JsonSchemaType.Boolean | JsonSchemaType.Null,
                },
                new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema() },
                new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema() },
            ],
        });
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Items = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Items = new OpenApiSchemaReference(Id, document),
            },
        };
    }
}

/// <summary>The context of a job.</summary>
internal sealed class JobContextAttribute : SchemaAttribute
{
    public override IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins) =>
        ContextSchemas.Of(document, plugins);
}
