using Heimdall.Api.Requests;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;

namespace Heimdall.Api.Health;

internal static class HealthEndpoints
{
    private static readonly string[] _methods = [HttpMethods.Get, HttpMethods.Head];

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapMethods("/healthz", _methods, () => TypedResults.Text("alive\n")).DisableHttpMetrics()
            .WithSummary("Alive: the process answers.");
        app.MapMethods("/readyz", _methods, ReadyAsync).DisableHttpMetrics()
            .WithSummary("Ready: the store can be written and its schema is current.");
    }

    private static async Task<IResult> ReadyAsync(
        StoreHealth store, HeimdallConfig config, CancellationToken cancellationToken)
    {
        var report = await store.ReportAsync(cancellationToken);
        var plain = PlainListener.FindProblem(config.Server.Listen) is { } problem ? $"{problem}\n" : "";
        return TypedResults.Text(
            $"{report.Text}\n{plain}",
            statusCode: report.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
