using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Microsoft.OpenApi;

namespace Heimdall.Api.Descriptions;

/// <summary>The schema of a job's context: the fields that the plugins of this process read.</summary>
internal static class ContextSchemas
{
    private const string Id = "JobContext";

    /// <summary>A context of any plugin. Fields that are not listed belong to plugins of other versions.</summary>
    public static IOpenApiSchema Of(OpenApiDocument document, PluginCatalog plugins)
    {
        if (plugins.All.Count == 1)
        {
            document.AddComponent<IOpenApiSchema>(Id, Of(plugins.All.First()));
            return new OpenApiSchemaReference(Id, document);
        }
        var schemas = new List<IOpenApiSchema>();
        foreach (var plugin in plugins.All)
        {
            var id = $"{Id}Of{char.ToUpperInvariant(plugin.Name[0])}{plugin.Name[1..]}";
            document.AddComponent<IOpenApiSchema>(id, Of(plugin));
            schemas.Add(new OpenApiSchemaReference(id, document));
        }
        document.AddComponent<IOpenApiSchema>(Id, new OpenApiSchema { AnyOf = schemas });
        return new OpenApiSchemaReference(Id, document);
    }

    private static OpenApiSchema Of(IPlugin plugin) => new()
    {
        Type = JsonSchemaType.Object,
        Description = $"The context of a job of the plugin {plugin.Name}.",
        Properties = plugin.JobFields.ToDictionary(field => field.Name, IOpenApiSchema (field) => Of(field)),
        Required = plugin.JobFields.Where(field => field.IsRequired).Select(field => field.Name).ToHashSet(),
        AdditionalProperties = new OpenApiSchema(),
    };

    private static OpenApiSchema Of(ContextField field)
    {
        var schema = field.Kind switch
        {
            ContextFieldKind.Text => new OpenApiSchema { Type = JsonSchemaType.String },
            ContextFieldKind.Flag => new OpenApiSchema { Type = JsonSchemaType.Boolean },
            ContextFieldKind.Count => new OpenApiSchema
            {
                Type = JsonSchemaType.Integer,
                Format = "int64",
                Minimum = "1",
            },
            ContextFieldKind.Seconds => new OpenApiSchema
            {
                Type = JsonSchemaType.Number,
                Format = "double",
                ExclusiveMinimum = "0",
            },
            ContextFieldKind.Word => new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum = [.. field.Words.Select(word => JsonValue.Create(word))],
            },
            ContextFieldKind.Texts => new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                AdditionalProperties = new OpenApiSchema
                {
                    // An object is one that says whether it is secret.
                    Type = JsonSchemaType.String | JsonSchemaType.Number | JsonSchemaType.Boolean
                        | JsonSchemaType.Object,
                },
            },
            _ => new OpenApiSchema
            {
                // Not one schema of two types: generators fail at it.
                AnyOf =
                [
                    new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema() },
                    new OpenApiSchema
                    {
                        Type = JsonSchemaType.Object,
                        AdditionalProperties = new OpenApiSchema(),
                    },
                ],
            },
        };
        schema.Description = field.Meaning;
        return schema;
    }
}
