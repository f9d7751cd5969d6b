namespace Heimdall.Core.Hooks;

/// <summary>How far a message is. Written in capitals in JSON and in the store.</summary>
public enum DeliveryStatus
{
    /// <summary>It was not delivered yet, and is tried until its time is over.</summary>
    Pending,

    /// <summary>The receiver has answered that it has it.</summary>
    Delivered,

    /// <summary>It is not tried any more.</summary>
    Dead,
}

public static class DeliveryStatusNames
{
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<DeliveryStatus>().Select(ToName)];

    public static string ToName(this DeliveryStatus status) => status switch
    {
        DeliveryStatus.Pending => "PENDING",
        DeliveryStatus.Delivered => "DELIVERED",
        _ => "DEAD",
    };
}
