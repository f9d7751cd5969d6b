using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Formats;

/// <summary>What rows are served as: one of the media types of the request's <c>Accept</c>.</summary>
internal sealed class ResultFormat
{
    public static readonly ResultFormat Json = OfText(
        "json", "application/json", (output, opening) => new JsonResultWriter(output, opening));

    public static readonly ResultFormat Ndjson = OfText(
        "ndjson", "application/x-ndjson", (output, opening) => new NdjsonResultWriter(output, opening));

    public static readonly ResultFormat Csv = OfText(
        "csv", "text/csv", (output, opening) => new CsvResultWriter(output, opening, hasHeader: true), "present");

    public static readonly ResultFormat CsvWithoutHeader = OfText(
        "csv-rows", "text/csv", (output, opening) => new CsvResultWriter(output, opening, hasHeader: false), "absent");

    public static readonly ResultFormat Arrow = new(
        "arrow", "application/vnd.apache.arrow.stream", (output, opening) => new ArrowResultWriter(output, opening));

    public static readonly ResultFormat Parquet = new(
        "parquet", "application/vnd.apache.parquet", (output, opening) => new ParquetResultWriter(output, opening));

    private readonly MediaTypeHeaderValue _type;
    private readonly Func<IResultOutput, ResultOpening, FormatWriter> _create;

    /// <param name="word">For the parameter <c>format</c>.</param>
    /// <param name="mediaType">Without parameters.</param>
    /// <param name="create">Makes its writer.</param>
    private ResultFormat(string word, string mediaType, Func<IResultOutput, ResultOpening, FormatWriter> create)
    {
        Word = word;
        Name = mediaType;
        ContentType = mediaType;
        _type = new MediaTypeHeaderValue(mediaType);
        _create = create;
    }

    /// <summary>All of them. Of those that a caller likes alike, the first is taken.</summary>
    public static IReadOnlyList<ResultFormat> All { get; } = [Json, Ndjson, Csv, CsvWithoutHeader, Arrow, Parquet];

    public static string Known => string.Join(", ", All.Select(format => format.Name));

    /// <summary>What it is asked for by in the query string: <c>csv</c>. Also how a file of it ends.</summary>
    public string Word { get; }

    /// <summary>What it is asked for by: <c>text/csv</c>.</summary>
    public string Name { get; private init; }

    public string ContentType { get; private init; }

    /// <summary>The format that the caller likes best (RFC 9110, 12.5.1): JSON when all are liked alike.</summary>
    /// <returns>Null when they take none of them.</returns>
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

    public static ResultFormat? Find(string word) => All.FirstOrDefault(format => format.Word == word);

    public FormatWriter CreateWriter(IResultOutput output, ResultOpening opening) => _create(output, opening);

    /// <param name="word">For the parameter <c>format</c>.</param>
    /// <param name="mediaType">Without parameters.</param>
    /// <param name="create">Makes its writer.</param>
    /// <param name="header">Of CSV, whether the first line is a header: https://www.rfc-editor.org/rfc/rfc4180#section-3</param>
    private static ResultFormat OfText(
        string word, string mediaType, Func<IResultOutput, ResultOpening, FormatWriter> create, string? header = null)
    {
        var absent = header == "absent" ? "header=absent" : null;
        var format = new ResultFormat(word, mediaType, create)
        {
            Name = absent is null ? mediaType : $"{mediaType};{absent}",
            ContentType = absent is null ? $"{mediaType}; charset=utf-8" : $"{mediaType}; charset=utf-8; {absent}",
        };
        format._type.Charset = "utf-8";
        if (header is not null)
        {
            format._type.Parameters.Add(new NameValueHeaderValue("header", header));
        }
        return format;
    }

    /// <summary>The range that fits best decides.</summary>
    private double QualityIn(IEnumerable<MediaTypeHeaderValue> ranges) => ranges
        .Where(_type.IsSubsetOf)
        .OrderByDescending(range => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2 + range.Parameters.Count(parameter => parameter.Name != "q"))
        .Select(range => range.Quality ?? 1)
        .FirstOrDefault();
}
