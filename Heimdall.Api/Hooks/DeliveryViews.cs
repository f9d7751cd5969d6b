using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hooks;

namespace Heimdall.Api.Hooks;

/// <summary>
/// A receiver of messages as operators see it: never its secrets, nor the path of its URL, which may be one.
/// </summary>
/// <param name="Id">By which jobs name it.</param>
/// <param name="Kind">How it is notified.</param>
/// <param name="Target">Scheme and host.</param>
/// <param name="Events">What it is notified of without being named.</param>
/// <param name="Pending">Messages that are not delivered yet.</param>
/// <param name="DeadLately">Messages that were given up within the last day.</param>
/// <param name="GoneSince">Since when it has answered 410, and gets nothing any more.</param>
internal sealed record HookView(
    string Id, [property: Words(HookConfig.Webhook, HookConfig.Slack, HookConfig.Mail)] string Kind, string Target,
    IReadOnlyList<string> Events, long Pending, long DeadLately, DateTime? GoneSince)
{
    public static HookView Of(Receiver hook, IReadOnlyDictionary<string, HookFigures> counts)
    {
        var (pending, dead, goneSince) = counts.GetValueOrDefault(hook.Id, HookFigures.None);
        return new(hook.Id, hook.Config.Kind, hook.Target, hook.Config.Events, pending, dead, goneSince);
    }
}

/// <summary>A message with how far it is.</summary>
internal record DeliveryView
{
    public required Guid Id { get; init; }

    public required string Hook { get; init; }

    public required string Event { get; init; }

    /// <summary>What it is about, such as <c>job/ID</c>.</summary>
    public required string Subject { get; init; }

    public Guid? JobId { get; init; }

    [OneOf("DeliveryStatusName", typeof(DeliveryStatusNames))]
    public required string Status { get; init; }

    /// <summary>How many were begun.</summary>
    public required int Attempts { get; init; }

    /// <summary>Why the last attempt failed.</summary>
    public string? Error { get; init; }

    public required DateTime CreatedAt { get; init; }

    /// <summary>Of one that is PENDING: when it is tried next.</summary>
    public DateTime? NextAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    public static DeliveryView Of(StoredDelivery delivery) => new()
    {
        Id = delivery.Id,
        Hook = delivery.Hook,
        Event = delivery.Event,
        Subject = delivery.Subject,
        JobId = delivery.JobId,
        Status = delivery.Status,
        Attempts = delivery.Attempts,
        Error = delivery.Tries is [.., var last] ? last.Error : null,
        CreatedAt = delivery.CreatedAt,
        NextAt = delivery.NextAt,
        FinishedAt = delivery.FinishedAt,
    };
}

/// <summary>A message with what it says and how its attempts ended.</summary>
internal sealed record DeliveryDetailView : DeliveryView
{
    public required JsonObject Data { get; init; }

    /// <summary>The last attempts. One whose process died has no entry.</summary>
    public required IReadOnlyList<DeliveryAttemptView> Tries { get; init; }

    [SetsRequiredMembers]
    private DeliveryDetailView(StoredDelivery delivery)
        : base(DeliveryView.Of(delivery))
    {
        Data = delivery.Data;
        Tries = [.. delivery.Tries.Select(DeliveryAttemptView.Of)];
    }

    public static new DeliveryDetailView Of(StoredDelivery delivery) => new(delivery);
}

/// <summary>How an attempt ended.</summary>
/// <param name="Number">From 1.</param>
/// <param name="At">When it began.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Status">Of the receiver's answer.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Reply">How the answer's body begins.</param>
internal sealed record DeliveryAttemptView(
    int Number, DateTime At, long Milliseconds, int? Status, string? Error, string? Reply)
{
    public static DeliveryAttemptView Of(DeliveryAttempt attempt) => new(
        attempt.Number, attempt.At, attempt.Milliseconds, attempt.Status, attempt.Error, attempt.Reply);
}

/// <summary>A page of messages.</summary>
internal sealed record DeliveryListView(IReadOnlyList<DeliveryView> Data, bool HasMore, string? NextCursor);
