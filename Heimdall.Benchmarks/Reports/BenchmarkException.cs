namespace Heimdall.Benchmarks.Reports;

/// <summary>A measurement that could not be made; the message says why.</summary>
internal class BenchmarkException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>A version that lacks what a row measures. This is reported, and is no failure.</summary>
internal sealed class NotAbleException(string message) : BenchmarkException(message);
