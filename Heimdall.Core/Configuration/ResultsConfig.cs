namespace Heimdall.Core.Configuration;

/// <summary>Stored results of queued jobs.</summary>
public sealed record ResultsConfig
{
    /// <summary>False: nothing is stored, <c>GET /job/{id}/result</c> answers 404. Default: true.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>How long a result is kept after the job has ended; then 410. Default: 7 days.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Largest stored result of one job, in bytes of text; a larger one is cut and says <c>truncated</c>. Default: 1 GiB.</summary>
    public long MaxBytes { get; init; } = 1L << 30;

    /// <summary>
    /// A directory for the rows of queries, which all hosts share. Relative to the configuration file; made if missing. Default: none, they
    /// are in Heimdall's own database.
    /// </summary>
    public string? Directory { get; init; }
}
