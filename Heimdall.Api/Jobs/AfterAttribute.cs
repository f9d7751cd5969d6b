using Heimdall.Api.Descriptions;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.OpenApi;

namespace Heimdall.Api.Jobs;

/// <summary>On the field <c>after</c> of a submission: what <see cref="AfterField"/> reads.</summary>
internal sealed class AfterAttribute : SchemaAttribute
{
    public override IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins)
    {
        var id = new OpenApiSchema { Type = JsonSchemaType.String, Format = "uuid" };
        var place = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32", Minimum = "0" };
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            MaxItems = AfterField.MostEntries,
            Items = new OpenApiSchema
            {
                AnyOf =
                [
                    id,
                    place,
                    new OpenApiSchema
                    {
                        Type = JsonSchemaType.Object,
                        Properties = new Dictionary<string, IOpenApiSchema>
                        {
                            ["job"] = new OpenApiSchema { AnyOf = [id, place] },
                            ["on"] = new OneOfAttribute("PredecessorEndName", typeof(PredecessorEndNames))
                                .Create(document, plugins),
                        },
                        Required = new HashSet<string> { "job" },
                    },
                ],
            },
        };
    }
}
