using Heimdall.Core.Database;

namespace Heimdall.Api.Health;

internal static class HealthEndpoints
{
    private static readonly string[] _methods = [HttpMethods.Get, HttpMethods.Head];

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapMethods("/healthz", _methods, () => TypedResults.Text("alive\n")).AllowAnonymous().DisableHttpMetrics()
            .WithSummary("Alive: the process answers.");
        app.MapMethods("/readyz", _methods, ReadyAsync).AllowAnonymous().DisableHttpMetrics()
            .WithSummary("Ready: the store answers and its schema is current.");
    }

    private static async Task<IResult> ReadyAsync(StoreHealth store, CancellationToken cancellationToken) =>
        await store.FindProblemAsync(cancellationToken) is { } problem
            ? TypedResults.Text($"not ready: {problem}\n", statusCode: StatusCodes.Status503ServiceUnavailable)
            : TypedResults.Text("ready\n");
}
