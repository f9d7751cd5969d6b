using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Formats;

/// <summary>What rows are served as: one of the media types of the request's <c>Accept</c>.</summary>
internal sealed class ResultFormat
{
    public static readonly ResultFormat Json = new("application/json", (output, opening) => new JsonResultWriter(output, opening));
    public static readonly ResultFormat Ndjson = new("application/x-ndjson", (output, opening) => new NdjsonResultWriter(output, opening));
    public static readonly ResultFormat Csv = new("text/csv", (output, opening) => new CsvResultWriter(output, opening));

    private static readonly ResultFormat[] All = [Json, Ndjson, Csv];

    private readonly MediaTypeHeaderValue _type;
    private readonly Func<IResultOutput, ResultOpening, TextResultWriter> _create;

    private ResultFormat(string mediaType, Func<IResultOutput, ResultOpening, TextResultWriter> create)
    {
        MediaType = mediaType;
        ContentType = $"{mediaType}; charset=utf-8";
        _type = new MediaTypeHeaderValue(mediaType) { Charset = "utf-8" };
        _create = create;
    }

    public static string Known => string.Join(", ", All.Select(format => format.MediaType));

    /// <summary>All that can be had in the format: <c>text/csv</c>.</summary>
    public string MediaType { get; }

    public string ContentType { get; }

    /// <summary>The format that the caller likes best (RFC 9110, 12.5.1): JSON when all are the same to him.</summary>
    /// <returns>Null when he takes none of them.</returns>
    public static ResultFormat? Negotiate(HttpRequest request)
    {
        if (request.Headers.Accept.Count == 0)
        {
            return Json;
        }
        var ranges = request.GetTypedHeaders().Accept;
        return ranges.Count == 0
            ? Json
            : All.Where(format => format.QualityIn(ranges) > 0).MaxBy(format => format.QualityIn(ranges));
    }

    public TextResultWriter CreateWriter(IResultOutput output, ResultOpening opening) => _create(output, opening);

    /// <summary>The range that fits best decides.</summary>
    private double QualityIn(IEnumerable<MediaTypeHeaderValue> ranges) => ranges
        .Where(_type.IsSubsetOf)
        .OrderByDescending(range => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2)
        .Select(range => range.Quality ?? 1)
        .FirstOrDefault();
}
