using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;
using Heimdall.Core.Scripts;
using Microsoft.OpenApi;

namespace Heimdall.Api.Scripts;

internal static class ScriptEndpoints
{
    private const int Ok = StatusCodes.Status200OK;

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
        var scripts = api.MapGroup("").WithTags(TagList.Scripts).AddEndpointFilter(OnlyIfEnabledAsync);
        scripts.MapGet("/sql", ListScripts.HandleAsync)
            .Named("listScripts", "A page of the scripts that jobs can name.")
            .Takes(ListScripts.Parameters)
            .Replies<ScriptListView>(Ok, "The page.")
            .Refuses("not-found", "storage-unavailable");
        scripts.MapGet("/sql/{**path}", ReadScript.HandleAsync)
            .Named("getScript", "One script.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Replies(Ok, "The script.", HeaderList.ETag)
            .AsText(Ok, ScriptRequest.ContentType, "select 1;\n")
            .Replies(
                StatusCodes.Status304NotModified, "If-None-Match holds: the caller has it already.", HeaderList.ETag)
            .Refuses("not-found", "precondition-failed", "storage-unavailable");
        scripts.MapPut("/sql/{**path}", PutScript.HandleAsync)
            .Named("putScript", "Put a script there, or replace it as a whole.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Replies<ScriptView>(Ok, "The script was replaced.", HeaderList.ETag)
            .Replies<ScriptView>(
                StatusCodes.Status201Created, "The script was made.", HeaderList.ETag, HeaderList.Location)
            .Refuses(
                "not-found", "conflict", "precondition-failed", "too-large", "storage-unavailable", "storage-full")
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                operation.RequestBody = new OpenApiRequestBody
                {
                    Required = true,
                    Content = new Dictionary<string, OpenApiMediaType>
                    {
                        [ScriptRequest.ContentType] = new()
                        {
                            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                            Example = JsonValue.Create("select 1;\n"),
                        },
                    },
                };
                return Task.CompletedTask;
            });
        scripts.MapDelete("/sql/{**path}", DeleteScript.HandleAsync)
            .Named("deleteScript", "Delete a script.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Replies(StatusCodes.Status204NoContent, "It is deleted.")
            .Refuses("not-found", "precondition-failed", "storage-unavailable");
    }

    private static ValueTask<object?> OnlyIfEnabledAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.RequestServices.GetRequiredService<SqlUploadsConfig>().Enabled
            ? next(context)
            : ValueTask.FromResult<object?>(Problem.NotFound("Script uploads are not enabled on this server (sql_uploads.enabled)."));
}
