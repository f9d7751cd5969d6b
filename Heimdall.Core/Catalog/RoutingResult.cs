using System.Diagnostics.CodeAnalysis;

namespace Heimdall.Core.Catalog;

/// <summary>The pair a job got, or why it got none.</summary>
public sealed record RoutingResult
{
    private RoutingResult()
    {
    }

    public RoutingOutcome Outcome { get; private init; }

    public Command? Command { get; private init; }

    public Cluster? Cluster { get; private init; }

    /// <summary>What was missing; null when a pair was found.</summary>
    public string? Reason { get; private init; }

    [MemberNotNullWhen(true, nameof(Command), nameof(Cluster))]
    [MemberNotNullWhen(false, nameof(Reason))]
    public bool IsFound => Outcome == RoutingOutcome.Found;

    internal static RoutingResult Found(Command command, Cluster cluster) => new() { Outcome = RoutingOutcome.Found, Command = command, Cluster = cluster };

    internal static RoutingResult None(string reason) => new() { Outcome = RoutingOutcome.NoMatch, Reason = reason };

    internal static RoutingResult Forbidden(string reason) => new() { Outcome = RoutingOutcome.NotAllowed, Reason = reason };

    internal static RoutingResult Unhealthy(string reason) => new() { Outcome = RoutingOutcome.Unhealthy, Reason = reason };
}

public enum RoutingOutcome
{
    Found,

    /// <summary>No active pair carries the tags.</summary>
    NoMatch,

    /// <summary>The commands that match do not allow this caller.</summary>
    NotAllowed,

    /// <summary>Only clusters that did not answer their last health check match: worth asking again later.</summary>
    Unhealthy,
}
