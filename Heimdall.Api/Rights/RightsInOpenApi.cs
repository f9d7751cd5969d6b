using System.Globalization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Heimdall.Api.Rights;

/// <summary>Says in the OpenAPI document what each operation needs.</summary>
internal static class RightsInOpenApi
{
    public static Task AddAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var right = metadata.OfType<NeededRight>().LastOrDefault()?.Right ?? Right.None;
        if (right == Right.None)
        {
            return Task.CompletedTask;
        }
        Add(operation, StatusCodes.Status401Unauthorized, "No credentials, or wrong ones.");
        Add(operation, StatusCodes.Status429TooManyRequests, "Too much at once, or too many wrong credentials.");
        if (right != Right.Known)
        {
            operation.Description = AccessTable.Describe(right);
            Add(operation, StatusCodes.Status403Forbidden, "The caller lacks the role.");
        }
        return Task.CompletedTask;
    }

    private static void Add(OpenApiOperation operation, int status, string description)
    {
        operation.Responses ??= [];
        operation.Responses.TryAdd(
            status.ToString(CultureInfo.InvariantCulture), new OpenApiResponse { Description = description });
    }
}
