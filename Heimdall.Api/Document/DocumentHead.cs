using System.Reflection;
using Heimdall.Api.Callers;
using Heimdall.Api.Descriptions;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Heimdall.Api.Document;

/// <summary>What the document says of the whole: name, version, tags, and how callers are known.</summary>
internal sealed class DocumentHead(KnownCallers known) : IOpenApiDocumentTransformer
{
    public Task TransformAsync(
        OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new()
        {
            Title = "Heimdall",
            Version = typeof(DocumentHead).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
                .InformationalVersion,
            Summary = "Runs SQL on PostgreSQL for callers without database credentials.",
            Description = """
                Times are RFC 3339 in UTC. A member that does not apply is absent. Each refusal is a problem (RFC 9457).

                Whole numbers of `int8` and values of `numeric` keep every digit in JSON. JavaScript rounds those with
                more than 15 digits: there, send `"numbers": "string"` in the context of a query.
                """,
            License = new() { Name = "MIT", Identifier = "MIT" },
        };
        foreach (var server in document.Servers ?? [])
        {
            server.Url = server.Url?.TrimEnd('/');
        }
        document.Tags = TagList.All
            .Select(tag => new OpenApiTag { Name = tag.Name, Description = tag.Description }).ToHashSet();
        foreach (var (id, scheme) in CallerSchemes.Of(known))
        {
            document.AddComponent<IOpenApiSecurityScheme>(id, scheme);
        }
        return Task.CompletedTask;
    }
}
