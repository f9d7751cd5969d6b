using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Heimdall.Api.Descriptions;
using Heimdall.Core.Plugins;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Heimdall.Api.Document;

/// <summary>
/// Makes the schemas say what is written and read: a member that does not apply is absent and never null, so it is
/// required where it cannot be null, and null nowhere. Enumerations have their words, and times are texts.
/// </summary>
internal sealed class SchemaRules(PluginCatalog plugins) : IOpenApiDocumentTransformer
{
    private const string View = "View";

    private static readonly ConcurrentDictionary<string, Type> _types = new();

    /// <summary>The name of a type in the document; null for one that stands where it is used.</summary>
    public static string? IdOf(JsonTypeInfo type)
    {
        if (type.Type.Namespace?.StartsWith("System.Text.Json", StringComparison.Ordinal) is true
            || OpenApiOptions.CreateDefaultSchemaReferenceId(type) is not { } name)
        {
            return null;
        }
        var id = WithoutView(name);
        _types[id] = type.Type;
        return id;
    }

    /// <summary>The same of a type of ours.</summary>
    public static string NameOf(Type type)
    {
        var id = WithoutView(type.Name);
        _types[id] = type;
        return id;
    }

    public Task TransformAsync(
        OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        foreach (var (id, schema) in document.Components!.Schemas!.ToArray())
        {
            if (_types.TryGetValue(id, out var type) && schema is OpenApiSchema { Properties: not null } known)
            {
                Apply(document, known, type);
            }
        }
        return Task.CompletedTask;
    }

    private static string WithoutView(string name) =>
        name.EndsWith(View, StringComparison.Ordinal) ? name[..^View.Length] : name;

    private void Apply(OpenApiDocument document, OpenApiSchema schema, Type type)
    {
        var nullability = new NullabilityInfoContext();
        schema.Required = new HashSet<string>();
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var name = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
            if (!schema.Properties!.TryGetValue(name, out var found))
            {
                continue;
            }
            schema.Properties[name] = property.GetCustomAttribute<SchemaAttribute>() is { } better
                ? WithItems(found, better.Create(document, plugins))
                : WithoutNull(found, property.PropertyType);
            if (property.GetCustomAttribute<RequiredAttribute>() is not null
                || nullability.Create(property).ReadState == NullabilityState.NotNull)
            {
                schema.Required.Add(name);
            }
        }
    }

    /// <summary>A list of words has the words as its items.</summary>
    private static IOpenApiSchema WithItems(IOpenApiSchema found, IOpenApiSchema better) =>
        IsArray(found) && !IsArray(better)
            ? new OpenApiSchema { Type = JsonSchemaType.Array, Items = better }
            : better;

    private static bool IsArray(IOpenApiSchema schema) => schema.Type?.HasFlag(JsonSchemaType.Array) is true;

    private static IOpenApiSchema WithoutNull(IOpenApiSchema found, Type type)
    {
        if (found is not OpenApiSchema schema)
        {
            return found;
        }
        if ((schema.OneOf ?? schema.AnyOf)?.OfType<OpenApiSchemaReference>().FirstOrDefault() is { } reference)
        {
            return reference;
        }
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain == typeof(DateTime) || plain == typeof(DateTimeOffset))
        {
            return new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time" };
        }
        schema.Type &= ~JsonSchemaType.Null;
        return schema;
    }
}
