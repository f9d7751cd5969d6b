namespace Heimdall.Client;

/// <summary>What rows can be copied as.</summary>
public static class HeimdallMediaTypes
{
    public const string Json = "application/json";
    public const string Ndjson = "application/x-ndjson";
    public const string Csv = "text/csv";

    /// <summary>Arrow's streaming format.</summary>
    public const string Arrow = "application/vnd.apache.arrow.stream";

    public const string Parquet = "application/vnd.apache.parquet";

    /// <summary>What scripts are sent as.</summary>
    internal const string Sql = "application/sql";
}
