using Heimdall.Core.Audit;
using Microsoft.OpenApi;

namespace Heimdall.Api.Audit;

internal static class AuditEndpoints
{
    public static IServiceCollection AddAudit(this IServiceCollection services)
    {
        services.AddSingleton<AuditLog>();
        return services.AddSingleton<AuditGate>();
    }

    public static void UseAudit(this WebApplication app)
    {
        var gate = app.Services.GetRequiredService<AuditGate>();
        app.Use(gate.InvokeAsync);
    }

    public static void MapAudit(this IEndpointRouteBuilder api) => api.MapGet("/audit", ReadAudit.HandleAsync)
        .WithSummary("A page of who did what, and who was refused, the newest first.")
        .Produces<AuditListView>()
        .AddOpenApiOperationTransformer((operation, _, _) =>
        {
            operation.Parameters =
            [
                .. operation.Parameters ?? [],
                .. ReadAudit.Known.Select(name => new OpenApiParameter
                {
                    Name = name,
                    In = ParameterLocation.Query,
                    Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                }),
            ];
            return Task.CompletedTask;
        });
}
