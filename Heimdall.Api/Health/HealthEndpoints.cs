using System.Net.Mime;
using Heimdall.Api.Descriptions;
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
            .WithTags(TagList.Server)
            .Named("getAlive", "Alive: the process answers.")
            .Replies(StatusCodes.Status200OK, "The process answers.")
            .AsText(StatusCodes.Status200OK, MediaTypeNames.Text.Plain, "alive\n");
        app.MapMethods("/readyz", _methods, ReadyAsync).DisableHttpMetrics()
            .WithTags(TagList.Server)
            .Named("getReady", "Ready: the store can be written and its schema is current.")
            .Replies(StatusCodes.Status200OK, "The server is ready.")
            .AsText(StatusCodes.Status200OK, MediaTypeNames.Text.Plain, "ready\n")
            .Replies(StatusCodes.Status503ServiceUnavailable, "The server is not ready; the text says why.")
            .AsText(
                StatusCodes.Status503ServiceUnavailable, MediaTypeNames.Text.Plain,
                "not ready: the store does not answer\n");
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
