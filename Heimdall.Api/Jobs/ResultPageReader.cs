using System.Globalization;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Formats;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Reads which rows of a stored result are wanted, and as what. An unknown parameter is refused: ignoring it would answer
/// another question.
/// </summary>
internal sealed class ResultPageReader
{
    public const string Partial = "partial";

    private readonly string[] _known;
    private readonly IQueryCollection _query;
    private readonly List<ContextProblem> _problems;

    private ResultPageReader(IQueryCollection query, IEnumerable<ParameterDescription> parameters)
    {
        _query = query;
        _known = [.. parameters.Select(parameter => parameter.Name)];
        _problems =
        [
            .. UnknownName.Parameters(query, _known),
            .. query.Where(item => item.Value.Count > 1)
                .Select(item => new ContextProblem(item.Key, "Given more than once.")),
        ];
    }

    /// <summary>The parameters of a page.</summary>
    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Number("offset", "How many rows to leave out.", 0, standard: 0),
        ParameterDescription.Number("limit", "How many rows.", 1),
        ParameterDescription.Word(
            "format", "What the rows are sent as. It goes before Accept.", ResultFormat.All.Select(format => format.Word)),
        ParameterDescription.Word(
            Partial, "Of a parent that did not succeed, the rows of those of its children that did.", ["true", "false"],
            "false"),
    ];

    /// <summary>The parameters of the list of chunks.</summary>
    public static IReadOnlyList<ParameterDescription> ChunkParameters { get; } =
    [
        ParameterDescription.Number("rows", "How many rows a chunk has.", 1, standard: ResultChunkList.StandardRows),
        Parameters[2],
    ];

    public static ResultPageRequest Read(IQueryCollection query)
    {
        var reader = new ResultPageReader(query, Parameters);
        var page = new ResultPage(reader.Number("offset", 0) ?? 0, reader.Number("limit", 1));
        return new(page, reader.Format(), reader.Flag(Partial), reader._problems);
    }

    public static ResultPageRequest ReadChunks(IQueryCollection query)
    {
        var reader = new ResultPageReader(query, ChunkParameters);
        var page = new ResultPage(0, reader.Number("rows", 1) ?? ResultChunkList.StandardRows);
        return new(page, reader.Format(), IsPartial: false, reader._problems);
    }

    private ResultFormat? Format()
    {
        if (!_query.TryGetValue("format", out var words) || words.Count == 0)
        {
            return null;
        }
        if (ResultFormat.Find(words[0] ?? "") is { } format)
        {
            return format;
        }
        string[] known = [.. ResultFormat.All.Select(one => one.Word)];
        _problems.Add(new(
            "format", $"Must be one of {string.Join(", ", known)}.{NearestWord.Ask(words[0] ?? "", known)}"));
        return null;
    }

    private bool Flag(string name)
    {
        if (!_query.TryGetValue(name, out var text))
        {
            return false;
        }
        if (text[0] is not ("true" or "false"))
        {
            _problems.Add(new(name, "Must be true or false."));
        }
        return text[0] == "true";
    }

    private long? Number(string name, long smallest)
    {
        if (!_query.TryGetValue(name, out var text))
        {
            return null;
        }
        if (long.TryParse(text[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= smallest)
        {
            return number;
        }
        _problems.Add(new(name, $"Must be a whole number of rows, {smallest} or more."));
        return null;
    }
}

/// <param name="Page">Which rows, or how many a chunk has.</param>
/// <param name="Format">That of the query string; null where the header decides.</param>
/// <param name="IsPartial">Whether the rows of some children of a parent will do.</param>
/// <param name="Problems">What is wrong.</param>
internal sealed record ResultPageRequest(
    ResultPage Page, ResultFormat? Format, bool IsPartial, IReadOnlyList<ContextProblem> Problems);
