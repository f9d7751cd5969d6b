using Heimdall.Api.Serialization;
using Microsoft.OpenApi;

namespace Heimdall.Api.Document;

/// <summary>The OpenAPI document, made of the endpoints that serve.</summary>
internal static class DocumentSetup
{
    public static IServiceCollection AddDocument(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(options => ApiJson.Configure(options.SerializerOptions));
        return services.AddOpenApi(options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.CreateSchemaReferenceId = SchemaRules.IdOf;
            options.AddOperationTransformer<DescribedOperations>();
            options.AddDocumentTransformer<SchemaRules>();
            options.AddDocumentTransformer<DocumentHead>();
        });
    }
}
