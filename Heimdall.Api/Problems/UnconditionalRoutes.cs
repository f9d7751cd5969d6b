using Heimdall.Api.Descriptions;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Problems;

/// <summary>
/// A change that is asked for only if an ETag is still the one (RFC 9110, 13.1.1) is not made where there is no ETag:
/// else a caller would take a change for safe that is not.
/// </summary>
internal static class UnconditionalRoutes
{
    public static void UseUnconditionalRoutes(this WebApplication app) => app.Use((context, next) =>
        context.Request.Headers.IfMatch is { Count: > 0 } tags && tags.ToString().Trim() != "*"
            && IsChange(context.Request.Method) && context.GetEndpoint() is { } endpoint && !TakesConditions(endpoint)
            ? Problem.Of(
                StatusCodes.Status412PreconditionFailed, "precondition-failed", "There is no ETag here.",
                "What this address changes has no ETag, so that If-Match can never hold. Nothing was changed.")
                .ExecuteAsync(context)
            : next(context));

    private static bool IsChange(string method) =>
        HttpMethods.IsPost(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method)
        || HttpMethods.IsPatch(method);

    private static bool TakesConditions(Endpoint endpoint) =>
        endpoint.Metadata.OfType<ParameterDescription>().Any(parameter => parameter.Name == HeaderNames.IfMatch);
}
