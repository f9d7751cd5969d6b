using System.Text.Json.Serialization;

namespace Heimdall.Core.Hooks;

/// <summary>How one attempt to deliver a message ended, as the store keeps it.</summary>
public sealed record DeliveryAttempt
{
    /// <summary>Counted from 1.</summary>
    public int Number { get; init; }

    public DateTime At { get; init; }

    public long Milliseconds { get; init; }

    /// <summary>The status of the answer; null where none came.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Status { get; init; }

    /// <summary>Why it failed; null where it did not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    /// <summary>How the answer's body begins.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reply { get; init; }

    /// <summary>True when trying again is of no use: the receiver says that it wants no more.</summary>
    [JsonIgnore]
    public bool IsFinal { get; init; }

    /// <summary>How long the receiver asks to be left alone.</summary>
    [JsonIgnore]
    public TimeSpan? RetryAfter { get; init; }

    [JsonIgnore]
    public bool IsDelivered => Error is null;
}
