namespace Heimdall.Benchmarks.Queries;

/// <summary>What is measured, and the goal.</summary>
/// <param name="Name">For --only; rows may share one.</param>
/// <param name="Title">For the report.</param>
/// <param name="Goal">In words.</param>
/// <param name="MeasureAsync">Measures it.</param>
internal sealed record QueryRow(string Name, string Title, string Goal, Func<CancellationToken, Task<QueryOutcome>> MeasureAsync)
{
    public const string Json = "json";
    public const string Csv = "csv";
    public const string NdJson = "ndjson";
    public const string Stored = "stored";
    public const string FirstByte = "first-byte";
    public const string Memory = "memory";
    public const string SelectMany = "select1-32";
    public const string SelectOne = "select1-1";
    public const string Lookup = "lookup-32";
    public const string Callers = "callers";

    public static IReadOnlyList<string> Names { get; } =
        [Json, Csv, NdJson, Stored, FirstByte, Memory, SelectMany, SelectOne, Lookup, Callers];
}
