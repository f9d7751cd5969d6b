using System.ComponentModel.DataAnnotations;
using Heimdall.Api.Callers;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Microsoft.AspNetCore.Http.Features;

namespace Heimdall.Api.Queue;

/// <summary>Pauses of the queue, of clusters and of commands: their jobs are taken in, and wait.</summary>
internal static class QueueEndpoints
{
    public const int MaxReason = 2000;

    private const int Ok = StatusCodes.Status200OK;

    public static void MapQueue(this IEndpointRouteBuilder api)
    {
        var queue = api.MapGroup("").WithTags(TagList.Queue);
        queue.MapGet("/queue", ReadAsync)
            .Named("getQueue", "What is paused.")
            .Replies<QueueView>(Ok, "The pauses that there are.");
        queue.MapPost("/queue/pause", (HttpContext context, LiveCatalog catalog, Pauses pauses, StoreClock clock) =>
                PauseAsync(context, PauseTarget.Queue, catalog, pauses, clock))
            .Named("pauseQueue", "Start no more jobs.")
            .Accepts<PauseRequest>(isOptional: true, OperationDescriptions.Json)
            .Replies<PauseView>(Ok, "The pause.");
        queue.MapPost("/queue/resume", (HttpContext context, LiveCatalog catalog, Pauses pauses) =>
                ResumeAsync(context, PauseTarget.Queue, catalog, pauses))
            .Named("resumeQueue", "Start jobs again.")
            .Replies<QueueView>(Ok, "The pauses that are left.");
        MapTarget(
            queue, "cluster", "Cluster", PauseTarget.Cluster,
            (context, catalog, id) => context.SeenCluster(catalog, id) is not null);
        MapTarget(
            queue, "command", "Command", PauseTarget.Command,
            (context, catalog, id) => context.SeenCommand(catalog, id) is not null);
    }

    private static void MapTarget(
        IEndpointRouteBuilder queue, string kind, string name, Func<string, PauseTarget> toTarget,
        Func<HttpContext, LiveCatalog, string, bool> isKnown)
    {
        queue.MapPost(
                $"/{kind}/{{id}}/pause",
                (string id, HttpContext context, LiveCatalog catalog, Pauses pauses, StoreClock clock) =>
                    isKnown(context, catalog, id)
                        ? PauseAsync(context, toTarget(id), catalog, pauses, clock)
                        : Unknown(kind, id))
            .Named($"pause{name}", $"Start no more jobs of a {kind}.")
            .Accepts<PauseRequest>(isOptional: true, OperationDescriptions.Json)
            .Replies<PauseView>(Ok, "The pause.")
            .Refuses("not-found");
        queue.MapPost($"/{kind}/{{id}}/resume", (string id, HttpContext context, LiveCatalog catalog, Pauses pauses) =>
                isKnown(context, catalog, id) ? ResumeAsync(context, toTarget(id), catalog, pauses) : Unknown(kind, id))
            .Named($"resume{name}", $"Start jobs of a {kind} again.")
            .Replies<QueueView>(Ok, "The pauses that are left.")
            .Refuses("not-found");
    }

    private static async Task<IResult> ReadAsync(
        HttpContext context, LiveCatalog catalog, Pauses pauses, CancellationToken cancellationToken)
    {
        var held = await pauses.ListAsync(cancellationToken);
        var seen = held.Where(pause => context.Sees(catalog, pause.Target));
        return TypedResults.Json(new QueueView([.. seen.Select(PauseView.Of)]), ApiJson.Options);
    }

    private static async Task<IResult> PauseAsync(
        HttpContext context, PauseTarget target, LiveCatalog catalog, Pauses pauses, StoreClock clock)
    {
        if (!context.Controls(catalog, target))
        {
            return CatalogAccess.RefuseControl(Capitalize(target));
        }
        string? reason = null;
        DateTimeOffset? until = null;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            if (!context.Request.HasJsonContentType())
            {
                return Problem.NotJson("body");
            }
            var fields = await JsonFields.ReadAsync(context.Request, context.RequestAborted);
            reason = fields.Text("reason");
            until = fields.Time("until");
            if (reason?.Length > MaxReason)
            {
                fields.Add("reason", $"At most {MaxReason} characters.");
            }
            if (until <= clock.GetUtcNow())
            {
                fields.Add("until", "Must be in the future: then the pause ends by itself.");
            }
            if (fields.Problems() is { Count: > 0 } problems)
            {
                return Problem.Invalid(problems);
            }
        }
        await pauses.PauseAsync(target, reason, until?.UtcDateTime, context.CallerName(), context.RequestAborted);
        return TypedResults.Json(
            await pauses.FindAsync(target, context.RequestAborted) is { } pause ? PauseView.Of(pause) : null, ApiJson.Options);
    }

    private static async Task<IResult> ResumeAsync(
        HttpContext context, PauseTarget target, LiveCatalog catalog, Pauses pauses)
    {
        if (!context.Controls(catalog, target))
        {
            return CatalogAccess.RefuseControl(Capitalize(target));
        }
        await pauses.ResumeAsync(target, context.RequestAborted);
        return await ReadAsync(context, catalog, pauses, context.RequestAborted);
    }

    private static string Capitalize(PauseTarget target) =>
        $"{char.ToUpperInvariant(target.ToString()[0])}{target.ToString()[1..]}";

    private static Task<IResult> Unknown(string kind, string id) =>
        Task.FromResult<IResult>(Problem.NotFound($"There is no {kind} '{id}'."));
}

/// <summary>The body of <c>POST …/pause</c>, for its description.</summary>
internal sealed record PauseRequest(
    [property: MaxLength(QueueEndpoints.MaxReason)] string? Reason, DateTimeOffset? Until);

/// <summary>A pause as callers see it.</summary>
internal sealed record PauseView(
    [property: Words("queue", "cluster", "command")] string Scope, string? Id, string? Reason, DateTime? Until,
    string PausedBy, DateTime PausedAt)
{
    public static PauseView Of(QueuePause pause) => new(
        pause.Target.Scope, pause.Target.Id.Length > 0 ? pause.Target.Id : null, pause.Reason, pause.Until, pause.By, pause.At);

    public static PauseView? Find(IEnumerable<QueuePause> pauses, PauseTarget target) =>
        pauses.FirstOrDefault(pause => pause.Target == target) is { } found ? Of(found) : null;
}

/// <summary>The queue as callers see it.</summary>
internal sealed record QueueView(IReadOnlyList<PauseView> Pauses);
