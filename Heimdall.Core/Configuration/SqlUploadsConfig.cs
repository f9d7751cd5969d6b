namespace Heimdall.Core.Configuration;

/// <summary>Scripts over REST: whether callers may write to the <c>sql_directory</c>.</summary>
public sealed record SqlUploadsConfig
{
    /// <summary>False: <c>/api/v1/sql</c> answers 404. Default: false.</summary>
    public bool Enabled { get; init; }

    /// <summary>Largest script in bytes; a larger one is refused with 413. Has nothing to do with <c>server.max_body_bytes</c>. Default: 100 MiB.</summary>
    public long MaxBytes { get; init; } = 100 * 1024 * 1024;

    /// <summary>
    /// Bytes of all files in the directory together; a script that does not fit is refused with 413. Default: 10 GiB.
    /// </summary>
    public long MaxTotalBytes { get; init; } = 10L * 1024 * 1024 * 1024;
}
