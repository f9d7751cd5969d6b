namespace Heimdall.Benchmarks.Queries;

/// <summary>All runs of one contender that reads many rows.</summary>
internal sealed record TransferSeries(string Contender, int Rows, IReadOnlyList<TransferRun> Runs);
