namespace Heimdall.Core.Configuration;

/// <summary>What the processes count, for who watches them.</summary>
public sealed record MetricsConfig
{
    /// <summary>Where the API serves <c>/metrics</c> to Prometheus, and nothing else. Default: none.</summary>
    public string? ApiListen { get; init; }

    /// <summary>The same of the worker. Each worker of a machine needs its own. Default: none.</summary>
    public string? WorkerListen { get; init; }

    /// <summary>
    /// Classes of callers by which jobs are counted. The first that names a caller counts. Default: none.
    /// </summary>
    public CallerClassConfig[] CallerClasses { get; init; } = [];
}

/// <summary>Callers that are counted together.</summary>
public sealed record CallerClassConfig
{
    /// <summary>As the metrics show it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Patterns (regular expressions, matched whole) of its users.</summary>
    public string[] Callers { get; init; } = [];
}
