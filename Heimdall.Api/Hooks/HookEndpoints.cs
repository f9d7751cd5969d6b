using Heimdall.Api.Callers;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Hooks;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Hooks;

/// <summary>The hooks of this process's file, and what became of the messages to them.</summary>
internal static class HookEndpoints
{
    private const int Ok = StatusCodes.Status200OK;

    public static void MapHooks(this IEndpointRouteBuilder api)
    {
        var hooks = api.MapGroup("").WithTags(TagList.Hooks);
        hooks.MapGet("/hooks", ListAsync)
            .Named("listHooks", "Who is notified of what happens, and how many messages wait.")
            .Replies<HookView[]>(Ok, "The receivers of the configuration file.");
        hooks.MapPost("/hooks/{id}/test", TestAsync)
            .Named("testHook", "Send a message of type hook.test.")
            .Replies<DeliveryDetailView>(StatusCodes.Status202Accepted, "The message; ask for it to see how it went.")
            .Refuses("not-found");
        hooks.MapGet("/hooks/deliveries", ReadDeliveries.HandleAsync)
            .Named("listDeliveries", "A page of messages to hooks, the newest first.")
            .Takes(ReadDeliveries.Parameters)
            .Replies<DeliveryListView>(Ok, "The page.");
        hooks.MapGet("/hooks/deliveries/{id:guid}", FindAsync)
            .Named("getDelivery", "A message, with what it says and how each attempt ended.")
            .Replies<DeliveryDetailView>(Ok, "The message.")
            .Refuses("not-found");
        hooks.MapPost("/hooks/deliveries/{id:guid}/redeliver", RedeliverAsync)
            .Named("redeliverMessage", "Send a message again, with the same id, whatever became of it.")
            .Replies<DeliveryDetailView>(StatusCodes.Status202Accepted, "The message, which is tried at once.")
            .Refuses("not-found");
        hooks.MapGet("/job/{id:guid}/deliveries", ReadDeliveries.OfJobAsync)
            .Named("listJobDeliveries", "The messages that a job's end has made.")
            .Replies<DeliveryView[]>(Ok, "The messages.")
            .Refuses("not-found");
    }

    private static async Task<IResult> ListAsync(
        HookBook book, DeliveryStore deliveries, CancellationToken cancellationToken)
    {
        var counts = await deliveries.CountAsync(cancellationToken);
        return TypedResults.Json(
            book.All.OrderBy(hook => hook.Id, StringComparer.Ordinal).Select(hook => HookView.Of(hook, counts)),
            ApiJson.Options);
    }

    private static async Task<IResult> TestAsync(
        string id, HttpContext context, HookBook book, DeliveryStore deliveries, CancellationToken cancellationToken) =>
        book.Find(id) is null
            ? Problem.NotFound($"There is no hook '{id}'.")
            : Answer(
                await deliveries.TestAsync(id, context.CallerName(), cancellationToken),
                StatusCodes.Status202Accepted);

    private static async Task<IResult> FindAsync(
        Guid id, DeliveryStore deliveries, CancellationToken cancellationToken) =>
        await deliveries.FindAsync(id, cancellationToken) is { } found ? Answer(found, Ok) : Unknown(id);

    private static async Task<IResult> RedeliverAsync(
        Guid id, DeliveryStore deliveries, CancellationToken cancellationToken) =>
        await deliveries.RedeliverAsync(id, cancellationToken) is { } found
            ? Answer(found, StatusCodes.Status202Accepted)
            : Unknown(id);

    private static JsonHttpResult<DeliveryDetailView> Answer(StoredDelivery delivery, int status) =>
        TypedResults.Json(DeliveryDetailView.Of(delivery), ApiJson.Options, statusCode: status);

    private static ProblemHttpResult Unknown(Guid id) => Problem.NotFound($"There is no message {id}.");
}
