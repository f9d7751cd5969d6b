namespace Heimdall.Benchmarks.Reporting;

/// <summary>A measurement that could not be made; the message says why.</summary>
internal sealed class BenchmarkException(string message, Exception? cause = null) : Exception(message, cause);
