using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>One way to get all rows of the table.</summary>
internal interface ITransfer
{
    /// <summary>As in the report.</summary>
    string Name { get; }

    /// <summary>Gets them once, not timed, and looks at them.</summary>
    /// <exception cref="BenchmarkException">They are not all there.</exception>
    Task PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Gets them, and does nothing with them.</summary>
    /// <exception cref="BenchmarkException">It failed.</exception>
    Task<TransferRun> RunAsync(CancellationToken cancellationToken);
}
