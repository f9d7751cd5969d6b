using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Plugins;
using Microsoft.OpenApi;

namespace Heimdall.Api.Hooks;

/// <summary>A list of statuses in which jobs end.</summary>
internal sealed class EndStatusesAttribute : SchemaAttribute
{
    public override IOpenApiSchema Create(OpenApiDocument document, PluginCatalog plugins) => new OpenApiSchema
    {
        Type = JsonSchemaType.Array,
        Items = new OpenApiSchema
        {
            Type = JsonSchemaType.String,
            Enum = [.. OnEndRules.Ends.Select(status => JsonValue.Create(status))],
        },
    };
}
