using Heimdall.Core.Plugins;

namespace Heimdall.Api.Serialization;

/// <summary>Tells of names that a request has and nobody reads, and which one was most likely meant.</summary>
internal static class UnknownName
{
    /// <param name="name">As it is spelled.</param>
    /// <param name="known">All there are.</param>
    /// <param name="path">Where it stands; null where that is the name alone.</param>
    public static ContextProblem Field(string name, IReadOnlyCollection<string> known, string? path = null) =>
        new(path ?? name, Describe("field", name, known));

    /// <summary>The parameters of a query string that are not known.</summary>
    public static IEnumerable<ContextProblem> Parameters(IQueryCollection query, IReadOnlyCollection<string> known) =>
        query.Keys.Where(key => !known.Contains(key))
            .Select(key => new ContextProblem(key, Describe("parameter", key, known)));

    private static string Describe(string what, string name, IReadOnlyCollection<string> known) =>
        $"Unknown {what}. Known are: {string.Join(", ", known)}."
        + NearestWord.Ask(name, known);
}
