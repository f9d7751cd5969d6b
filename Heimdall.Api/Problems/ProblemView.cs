using Heimdall.Api.Descriptions;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Problems;

/// <summary>The members of all problems, for their description. What does not apply is absent.</summary>
internal sealed record ProblemView
{
    [OneOf("ProblemType", typeof(ProblemTypes), nameof(ProblemTypes.Urns))]
    public required string Type { get; init; }

    public required string Title { get; init; }

    public required int Status { get; init; }

    public required string Detail { get; init; }

    /// <summary>Messages by field.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    public int? ErrorsLeftOut { get; init; }

    public IReadOnlyList<StatementErrorView>? StatementErrors { get; init; }

    /// <summary>The job.</summary>
    public Guid? Id { get; init; }

    /// <summary>The run of a schedule.</summary>
    public Guid? Run { get; init; }

    [OneOf("JobStatusName", typeof(JobStatusNames))]
    public string? StatusOfJob { get; init; }

    public string? Error { get; init; }

    public string? Sqlstate { get; init; }

    public string? ErrorDetail { get; init; }

    public string? Hint { get; init; }

    public string? Context { get; init; }

    public int? Position { get; init; }

    public long? Line { get; init; }

    public int? Column { get; init; }

    public int? Statement { get; init; }

    public bool? Retryable { get; init; }

    /// <summary>Which request it was, in traces and in the log.</summary>
    public string? TraceId { get; init; }
}
