using Heimdall.Benchmarks.Clients;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Suites;

/// <summary>How rows are written, and how one sees that they are all there.</summary>
/// <param name="Name">As in the report.</param>
/// <param name="MediaType">For the header Accept.</param>
/// <param name="ExtraLines">Lines beside those of the rows, at most; null where lines mean nothing.</param>
/// <param name="Marks">What stands near the end of a whole reply, whatever the number of rows.</param>
internal sealed record RowFormat(string Name, string MediaType, int? ExtraLines, params IReadOnlyList<string> Marks)
{
    /// <summary>The reply of an inline query.</summary>
    public static RowFormat Inline { get; } = new("JSON", "application/json", ExtraLines: null, "\"truncated\":false", "\"status\":\"SUCCEEDED\"");

    /// <summary>A stored result: without the job.</summary>
    public static RowFormat Stored { get; } = new("JSON", "application/json", ExtraLines: null, "\"truncated\":false");

    /// <summary>Perhaps with a line of names. A reply that breaks off has no proper end, and HttpClient notices.</summary>
    public static RowFormat Csv { get; } = new("CSV", "text/csv", ExtraLines: 1);

    /// <summary>Perhaps with a line before and one after the rows.</summary>
    public static RowFormat NdJson { get; } = new("NDJSON", "application/x-ndjson", ExtraLines: 2);

    /// <summary>A whole stream has a mark of eight bytes at its end, of which four are no text.</summary>
    public static RowFormat Arrow { get; } =
        new("Arrow", "application/vnd.apache.arrow.stream", ExtraLines: null, "\0\0\0\0") { IsText = false };

    /// <summary>A whole file ends in the format's letters.</summary>
    public static RowFormat Parquet { get; } =
        new("Parquet", "application/vnd.apache.parquet", ExtraLines: null, "PAR1") { IsText = false };

    /// <summary>Whether rows can be counted in the reply by looking at it.</summary>
    public bool IsText { get; private init; } = true;

    public LoadRequest Ask(LoadRequest request) => request with { Headers = [.. request.Headers, ("Accept", MediaType)] };

    /// <summary>Reads a reply and looks at it.</summary>
    /// <exception cref="BenchmarkException">It is not what was asked for.</exception>
    public async Task<Reply> VerifyAsync(HttpClient client, LoadRequest request, long rows, CancellationToken cancellationToken)
    {
        var reply = await Reply.ReadAsync(client, Ask(request), cancellationToken);
        if (!reply.ContentType.StartsWith(MediaType, StringComparison.OrdinalIgnoreCase))
        {
            throw new BenchmarkException($"The API answered with {reply.ContentType} where {MediaType} was asked for.");
        }
        var marks = ExtraLines is null && IsText ? [.. Marks, $"\"row_count\":{rows},"] : Marks;
        if (marks.FirstOrDefault(mark => !reply.Tail.Contains(mark, StringComparison.Ordinal)) is { } missing)
        {
            throw new BenchmarkException($"The reply's end has no {missing}: …{reply.Tail[Math.Max(0, reply.Tail.Length - 300)..]}");
        }
        return ExtraLines is null || (reply.Lines >= rows && reply.Lines <= rows + ExtraLines)
            ? reply
            : throw new BenchmarkException($"The reply has {reply.Lines} lines where there are {rows} rows.");
    }
}
