namespace Heimdall.Core.Configuration;

/// <summary>How requests and jobs are traced.</summary>
public sealed record TracingConfig
{
    /// <summary>
    /// How many of a hundred traces that begin here are recorded. Whether a caller's trace is recorded, the caller has
    /// decided. Default: 100.
    /// </summary>
    public int SamplePercent { get; init; } = 100;

    /// <summary>
    /// True: each statement of a job that has a trace is sent with a comment that names it, in sqlcommenter's form.
    /// Default: false.
    /// </summary>
    public bool StatementComments { get; init; }
}
