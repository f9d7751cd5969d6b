using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>How rows are written, and how one sees that they are all there.</summary>
/// <param name="Name">As in the report.</param>
/// <param name="MediaType">For the header Accept.</param>
/// <param name="Extra">Lines beside those of the rows, at most; null where lines mean nothing.</param>
/// <param name="Marks">What stands near the end of a whole reply, whatever the number of rows.</param>
internal sealed record QueryFormat(string Name, string MediaType, int? Extra, IReadOnlyList<string> Marks)
{
    /// <summary>The reply of an inline query.</summary>
    public static QueryFormat Inline { get; } = new("JSON", "application/json", Extra: null, ["\"truncated\":false", "\"status\":\"SUCCEEDED\""]);

    /// <summary>A stored result: without the job.</summary>
    public static QueryFormat Stored { get; } = Inline with { Marks = ["\"truncated\":false"] };

    /// <summary>Perhaps with a line of names. A reply that breaks off has no proper end, which is what tells.</summary>
    public static QueryFormat Csv { get; } = new("CSV", "text/csv", Extra: 1, []);

    /// <summary>Perhaps with a line before and one after the rows.</summary>
    public static QueryFormat NdJson { get; } = new("NDJSON", "application/x-ndjson", Extra: 2, []);

    public RawRequest Ask(RawRequest request) => request with { Headers = [.. request.Headers, ("Accept", MediaType)] };

    /// <summary>Reads a reply and looks at it.</summary>
    /// <exception cref="BenchmarkException">It is not what was asked for.</exception>
    public async Task<HttpReply> VerifyAsync(HttpConnection connection, ReadOnlyMemory<byte> request, long rows, CancellationToken cancellationToken)
    {
        var reply = await connection.ExchangeAsync(request, cancellationToken);
        var end = connection.TailText;
        if (reply.Status != 200)
        {
            throw new BenchmarkException($"The API answered {reply.Status}: {ProblemText.Of(end)}");
        }
        if (!connection.ContentType.StartsWith(MediaType, StringComparison.OrdinalIgnoreCase))
        {
            throw new BenchmarkException($"The API answered with {connection.ContentType} where {MediaType} was asked for.");
        }
        var marks = Extra is null ? [.. Marks, $"\"row_count\":{rows},"] : Marks;
        if (marks.FirstOrDefault(mark => !end.Contains(mark, StringComparison.Ordinal)) is { } missing)
        {
            throw new BenchmarkException($"The reply's end has no {missing}: …{end[Math.Max(0, end.Length - 300)..]}");
        }
        return Extra is null || (reply.Lines >= rows && reply.Lines <= rows + Extra)
            ? reply
            : throw new BenchmarkException($"The reply has {reply.Lines} lines where there are {rows} rows.");
    }
}
