namespace Heimdall.Core.Configuration;

/// <summary>How the queue is kept.</summary>
public sealed record QueueConfig
{
    /// <summary>Heimdall writes the rows of Hangfire's that each job costs.</summary>
    public const string Heimdall = "heimdall";

    /// <summary>Hangfire's own storage writes them.</summary>
    public const string Stock = "stock";

    /// <summary>Who writes what Hangfire shows of jobs: <c>heimdall</c> or <c>stock</c>. Default: heimdall.</summary>
    public string Storage { get; init; } = Heimdall;
}
