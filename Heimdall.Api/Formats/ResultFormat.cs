using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Formats;

/// <summary>What rows are served as: one of the media types of the request's <c>Accept</c>.</summary>
internal sealed class ResultFormat
{
    public static readonly ResultFormat Json = new("application/json", (output, opening) => new JsonResultWriter(output, opening));
    public static readonly ResultFormat Ndjson = new("application/x-ndjson", (output, opening) => new NdjsonResultWriter(output, opening));
    public static readonly ResultFormat Csv = new("text/csv", (output, opening) => new CsvResultWriter(output, opening, hasHeader: true), "present");
    public static readonly ResultFormat CsvWithoutHeader = new("text/csv", (output, opening) => new CsvResultWriter(output, opening, hasHeader: false), "absent");

    private static readonly ResultFormat[] All = [Json, Ndjson, Csv, CsvWithoutHeader];

    private readonly MediaTypeHeaderValue _type;
    private readonly Func<IResultOutput, ResultOpening, TextResultWriter> _create;

    /// <param name="mediaType">Without parameters.</param>
    /// <param name="create">Makes its writer.</param>
    /// <param name="header">Of CSV, whether the first line is a header: https://www.rfc-editor.org/rfc/rfc4180#section-3</param>
    private ResultFormat(string mediaType, Func<IResultOutput, ResultOpening, TextResultWriter> create, string? header = null)
    {
        Name = header == "absent" ? $"{mediaType};header=absent" : mediaType;
        ContentType = header == "absent" ? $"{mediaType}; charset=utf-8; header=absent" : $"{mediaType}; charset=utf-8";
        _type = new MediaTypeHeaderValue(mediaType) { Charset = "utf-8" };
        if (header is not null)
        {
            _type.Parameters.Add(new NameValueHeaderValue("header", header));
        }
        _create = create;
    }

    public static string Known => string.Join(", ", All.Select(format => format.Name));

    /// <summary>What it is asked for by: <c>text/csv</c>.</summary>
    public string Name { get; }

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
        .OrderByDescending(range => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2 + range.Parameters.Count(parameter => parameter.Name != "q"))
        .Select(range => range.Quality ?? 1)
        .FirstOrDefault();
}
