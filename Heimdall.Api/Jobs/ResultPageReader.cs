using System.Globalization;
using Heimdall.Api.Descriptions;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;

namespace Heimdall.Api.Jobs;

/// <summary>Reads which rows of a stored result are wanted. An unknown parameter is refused: ignoring it would answer another question.</summary>
internal static class ResultPageReader
{
    public const string Partial = "partial";

    /// <summary>The parameters there are.</summary>
    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Number("offset", "How many rows to leave out.", 0, standard: 0),
        ParameterDescription.Number("limit", "How many rows.", 1),
        ParameterDescription.Word(
            Partial, "Of a parent that did not succeed, the rows of those of its children that did.", ["true", "false"],
            "false"),
    ];

    private static readonly string[] _known = [.. Parameters.Select(parameter => parameter.Name)];

    /// <returns>The page, whether a part of the children will do, and what is wrong.</returns>
    public static (ResultPage Page, bool IsPartial, List<ContextProblem> Problems) Read(IQueryCollection query)
    {
        List<ContextProblem> problems =
        [
            .. query.Keys.Where(key => !_known.Contains(key))
                .Select(key => new ContextProblem(key, $"Unknown parameter. Known are: {string.Join(", ", _known)}.")),
            .. query.Where(item => item.Value.Count > 1).Select(item => new ContextProblem(item.Key, "Given more than once.")),
        ];
        if (query.TryGetValue(Partial, out var partial) && partial[0] is not ("true" or "false"))
        {
            problems.Add(new(Partial, "Must be true or false."));
        }
        return (new ResultPage(Number("offset", 0) ?? 0, Number("limit", 1)), partial == "true", problems);

        long? Number(string name, long smallest)
        {
            if (!query.TryGetValue(name, out var text))
            {
                return null;
            }
            if (long.TryParse(text[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= smallest)
            {
                return number;
            }
            problems.Add(new(name, $"Must be a whole number of rows, {smallest} or more."));
            return null;
        }
    }
}
