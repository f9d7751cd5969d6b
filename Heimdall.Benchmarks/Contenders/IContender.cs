using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>One way to run a script.</summary>
internal interface IContender
{
    /// <summary>As in the report; its lower case is part of a database's name.</summary>
    string Name { get; }

    /// <summary>Gets ready for the runs of a row; not timed.</summary>
    /// <exception cref="BenchmarkException">It cannot run this row.</exception>
    Task PrepareAsync(ScriptRow row, CancellationToken cancellationToken);

    /// <summary>Runs the script of a row to its end.</summary>
    /// <exception cref="BenchmarkException">It failed.</exception>
    Task<TimedRun> RunAsync(ScriptRow row, BenchDatabase database, CancellationToken cancellationToken);
}
