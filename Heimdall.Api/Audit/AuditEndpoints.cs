using Heimdall.Api.Descriptions;
using Heimdall.Core.Audit;

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
        .WithTags(TagList.Callers)
        .Named("listAudit", "A page of who did what, and who was refused, the newest first.")
        .Takes(ReadAudit.Parameters)
        .Replies<AuditListView>(StatusCodes.Status200OK, "The page.");
}
