using Heimdall.Benchmarks.Inputs;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>A row that has been run.</summary>
/// <param name="Row">The row.</param>
/// <param name="Psql">What it is compared with.</param>
/// <param name="Executor">What has the goal.</param>
/// <param name="Job">What users get; null where it was not asked for.</param>
internal sealed record RowResult(ScriptRow Row, Series Psql, Series Executor, Series? Job)
{
    public IEnumerable<Series> All => Job is null ? [Psql, Executor] : [Psql, Executor, Job];
}
