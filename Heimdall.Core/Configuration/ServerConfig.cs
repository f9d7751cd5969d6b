namespace Heimdall.Core.Configuration;

/// <summary>The HTTP side.</summary>
public sealed record ServerConfig
{
    /// <summary>Parent and children are written in one transaction.</summary>
    internal const int MostTargets = 1000;

    /// <summary>Where the API listens. Default: <c>http://127.0.0.1:9090</c>.</summary>
    public string Listen { get; init; } = "http://127.0.0.1:9090";

    /// <summary>
    /// The address at which callers reach the API through a proxy, such as <c>https://example.org/heimdall</c>.
    /// Default: none, it is <c>listen</c>.
    /// </summary>
    public string? PublicUrl { get; init; }

    /// <summary>The certificate, where the API listens at https. Default: none.</summary>
    public TlsConfig? Tls { get; init; }

    /// <summary>
    /// Origins of web pages that may use the REST API, such as <c>https://example.org</c>. Default: none.
    /// </summary>
    public string[] CorsOrigins { get; init; } = [];

    /// <summary>Connections of clients at once in this process; one more is closed at once. Default: 10000.</summary>
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>Largest request body in bytes; a larger one is refused with 413. Default: 16 MiB.</summary>
    public long MaxBodyBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Inline queries one caller may have running in this process at once; more are refused with 429. Default: 64.</summary>
    public int MaxInlinePerCaller { get; init; } = 64;

    /// <summary>Jobs one caller may have waiting in the queue; more are refused with 429. Default: 100000.</summary>
    public int MaxQueuedPerCaller { get; init; } = 100_000;

    /// <summary>Clusters that one job with <c>target: all</c> may run on; more are refused. Default: 100.</summary>
    public int MaxTargets { get; init; } = 100;

    /// <summary>
    /// Logs and events that one caller may follow in this process at once; more are refused with 429. Default: 100.
    /// </summary>
    public int MaxWatchersPerCaller { get; init; } = 100;

    /// <summary>How long a client may leave the rows of its result unread before its query is cancelled. Default: 30 seconds.</summary>
    public TimeSpan StalledClientTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an <c>Idempotency-Key</c> is remembered, at least. Default: 24 hours.</summary>
    public TimeSpan IdempotencyRetention { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long one health probe of a cluster may take. Default: 5 seconds.</summary>
    public TimeSpan HealthTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
