using Heimdall.Benchmarks.Http;

namespace Heimdall.Benchmarks.Queries;

/// <summary>All rounds of one contender that answers many requests.</summary>
internal sealed record LoadSeries(string Contender, IReadOnlyList<LoadRun> Runs);
