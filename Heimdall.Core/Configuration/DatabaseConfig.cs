namespace Heimdall.Core.Configuration;

/// <summary>Heimdall's own PostgreSQL database: jobs, results and the queue.</summary>
public sealed record DatabaseConfig
{
    /// <summary>A <c>postgresql://</c> URI or <c>key=value</c> pairs. May be a <c>${env:…}</c> or <c>${file:…}</c> reference. Required.</summary>
    public string ConnectionString { get; init; } = "";

    /// <summary>Schema of Heimdall's own tables; created if missing. Default: <c>heimdall</c>.</summary>
    public string Schema { get; init; } = "heimdall";

    /// <summary>Schema of Hangfire's tables; created if missing. Default: <c>hangfire</c>.</summary>
    public string HangfireSchema { get; init; } = "hangfire";
}
