using System.Text.Json.Serialization;

namespace Heimdall.Core.Plugins;

/// <summary>How a job ended badly: stored with the job and shown to its caller, so it holds no secret.</summary>
public sealed record JobFailure
{
    public required JobFailureKind Kind { get; init; }

    /// <summary>One sentence for a person.</summary>
    public required string Message { get; init; }

    /// <summary>
    /// The statements that failed: the one that the job ended with, then the others in the order of the script. Empty
    /// when no statement is to blame.
    /// </summary>
    public IReadOnlyList<StatementError> Errors { get; init; } = [];

    /// <summary>True when the job may well succeed a moment later, with nothing changed.</summary>
    [JsonIgnore]
    public bool IsTransient { get; init; }

    /// <summary>True when it is sure that nothing of the attempt took effect, or will.</summary>
    [JsonIgnore]
    public bool IsUndone { get; init; }

    [JsonIgnore]
    public string? SqlState => Errors.Count > 0 ? Errors[0].SqlState : null;

    /// <summary>All that a person needs at first sight, in one line.</summary>
    public string ToLine()
    {
        var sqlState = SqlState is { } code ? $"[{code}] " : "";
        var place = Errors is [{ Statement: { } statement, Line: { } line }, ..] ? $" (statement {statement}, line {line})" : "";
        return $"{sqlState}{Message}{place}";
    }
}
