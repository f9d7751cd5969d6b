using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;
using Heimdall.Core.Scripts;
using Microsoft.OpenApi;

namespace Heimdall.Api.Scripts;

internal static class ScriptEndpoints
{
    public static IServiceCollection AddScripts(this IServiceCollection services, SqlUploadsConfig config)
    {
        services.AddSingleton(config);
        services.AddSingleton(provider => new ScriptWriter(
            provider.GetRequiredService<ScriptFolder>(), provider.GetRequiredService<TimeProvider>())
        {
            MaxTotalBytes = config.MaxTotalBytes,
        });
        services.AddSingleton<ScriptList>();
        services.AddSingleton<ScriptOwners>();
        services.AddSingleton<ScriptAccess>();
        return services;
    }

    public static void MapScripts(this IEndpointRouteBuilder api)
    {
        var scripts = api.MapGroup("").AddEndpointFilter(OnlyIfEnabledAsync);
        scripts.MapGet("/sql", ListScripts.HandleAsync)
            .WithSummary("A page of the scripts that jobs can name.").Produces<ScriptListView>();
        scripts.MapGet("/sql/{**path}", ReadScript.HandleAsync)
            .WithSummary("One script.")
            .Produces(StatusCodes.Status200OK, contentType: ScriptRequest.ContentType)
            .ProducesProblem(StatusCodes.Status404NotFound);
        scripts.MapPut("/sql/{**path}", PutScript.HandleAsync)
            .WithSummary("Put a script there, or replace it as a whole.")
            .Produces<ScriptView>()
            .Produces<ScriptView>(StatusCodes.Status201Created)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                operation.RequestBody = new OpenApiRequestBody
                {
                    Required = true,
                    Content = new Dictionary<string, OpenApiMediaType> { [ScriptRequest.ContentType] = new() },
                };
                return Task.CompletedTask;
            });
        scripts.MapDelete("/sql/{**path}", DeleteScript.HandleAsync)
            .WithSummary("Delete a script.")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static ValueTask<object?> OnlyIfEnabledAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.RequestServices.GetRequiredService<SqlUploadsConfig>().Enabled
            ? next(context)
            : ValueTask.FromResult<object?>(Problem.NotFound("Script uploads are not enabled on this server (sql_uploads.enabled)."));
}
