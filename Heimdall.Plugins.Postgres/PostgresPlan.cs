using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Queries;

namespace Heimdall.Plugins.Postgres;

/// <summary>What was read of a job when it was planned, so that running it need not read it again.</summary>
internal sealed record PostgresPlan : JobPlan
{
    public required JobSettings Settings { get; init; }

    /// <summary>The statement; null of a batch.</summary>
    public QueryText? Query { get; init; }
}
