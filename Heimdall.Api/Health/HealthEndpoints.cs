using Heimdall.Core.Database;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;

namespace Heimdall.Api.Health;

internal static class HealthEndpoints
{
    private static readonly string[] _methods = [HttpMethods.Get, HttpMethods.Head];
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(3);

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapMethods("/healthz", _methods, () => TypedResults.Text("alive\n")).AllowAnonymous().WithSummary("Alive: the process answers.");
        app.MapMethods("/readyz", _methods, ReadyAsync).AllowAnonymous().WithSummary("Ready: the store answers and its schema is current.");
    }

    private static async Task<IResult> ReadyAsync(StoreReadiness readiness, StoreDatabase database, CancellationToken cancellationToken)
    {
        if (!readiness.IsReady)
        {
            return NotReady("the store has not been reached since the start");
        }
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(ReadyTimeout);
        try
        {
            // Not only bounded by the token: while the store keeps silent, Npgsql asks it to cancel before it gives up.
            await AskAsync(database, bound.Token).WaitAsync(bound.Token);
            return TypedResults.Text("ready\n");
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return NotReady("the store does not answer");
        }
    }

    private static async Task AskAsync(StoreDatabase database, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand("select 1");
        await command.ExecuteScalarAsync(cancellationToken);
    }

    private static ContentHttpResult NotReady(string why) =>
        TypedResults.Text($"not ready: {why}\n", statusCode: StatusCodes.Status503ServiceUnavailable);
}
