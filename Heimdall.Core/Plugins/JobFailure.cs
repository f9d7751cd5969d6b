using System.Text.Json.Serialization;

namespace Heimdall.Core.Plugins;

/// <summary>How a job ended badly: stored with the job and shown to its caller, so it holds no secret.</summary>
public sealed record JobFailure
{
    public required JobFailureKind Kind { get; init; }

    /// <summary>One sentence for a person.</summary>
    public required string Message { get; init; }

    /// <summary>The statements that failed, in the order of the script. Empty when no statement is to blame.</summary>
    public IReadOnlyList<StatementError> Errors { get; init; } = [];

    [JsonIgnore]
    public string? SqlState => Errors.Count > 0 ? Errors[0].SqlState : null;
}
