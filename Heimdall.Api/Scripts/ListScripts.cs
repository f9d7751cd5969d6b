using System.Globalization;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;

namespace Heimdall.Api.Scripts;

/// <summary><c>GET /api/v1/sql</c>: a page of scripts, in the order of their paths.</summary>
internal static class ListScripts
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 200;

    private const string LimitName = "limit";
    private const string PrefixName = "prefix";
    private const string AfterName = "after";

    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Number(LimitName, "How many.", 1, MaxLimit, DefaultLimit),
        ParameterDescription.Text(PrefixName, "Scripts whose path begins with this."),
        ParameterDescription.Text(AfterName, "next_after of the page before."),
    ];

    private static readonly string[] _known = [.. Parameters.Select(parameter => parameter.Name)];

    public static async Task<IResult> HandleAsync(
        HttpContext context, ScriptList scripts, ScriptOwners owners, CancellationToken cancellationToken)
    {
        List<ContextProblem> problems =
        [
            .. UnknownName.Parameters(context.Request.Query, _known),
            .. context.Request.Query.Where(item => item.Value.Count > 1).Select(item => new ContextProblem(item.Key, "Given more than once.")),
        ];
        string? Text(string name) => context.Request.Query.TryGetValue(name, out var values) ? values.ToString() : null;
        var (limit, prefix, after) = (Text(LimitName), Text(PrefixName), Text(AfterName));
        var most = DefaultLimit;
        if (limit is not null && !(int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out most) && most is >= 1 and <= MaxLimit))
        {
            problems.Add(new(LimitName, $"Must be a number from 1 to {MaxLimit}."));
        }
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var caller = context.Caller();
        var (page, hasMore) = caller.Rights.HasEverywhere(Right.SeeScripts)
            ? await ReadAllAsync(scripts, owners, prefix ?? "", after ?? "", most, cancellationToken)
            : await ReadOwnAsync(scripts, owners, caller.Name, prefix ?? "", after ?? "", most, cancellationToken);
        return TypedResults.Json(new ScriptListView(page, hasMore, hasMore ? page[^1].Path : null), ApiJson.Options);
    }

    private static async Task<(IReadOnlyList<ScriptEntry> Page, bool HasMore)> ReadAllAsync(
        ScriptList scripts, ScriptOwners owners, string prefix, string after, int most,
        CancellationToken cancellationToken)
    {
        var (page, hasMore) = scripts.Read(prefix, after, most);
        var known = await owners.FindAsync(page.Select(script => script.Path), cancellationToken);
        return ([.. page.Select(script => script with { Owner = known.GetValueOrDefault(script.Path) })], hasMore);
    }

    /// <summary>By the table of owners, which may name files that are gone.</summary>
    private static async Task<(IReadOnlyList<ScriptEntry> Page, bool HasMore)> ReadOwnAsync(
        ScriptList scripts, ScriptOwners owners, string user, string prefix, string after, int most,
        CancellationToken cancellationToken)
    {
        var page = new List<ScriptEntry>();
        while (true)
        {
            var paths = await owners.ListAsync(user, after, prefix, most + 1, cancellationToken);
            page.AddRange(paths.Select(scripts.Describe).OfType<ScriptEntry>()
                .Select(script => script with { Owner = user }));
            if (page.Count > most || paths.Count <= most)
            {
                return ([.. page.Take(most)], page.Count > most);
            }
            after = paths[^1];
        }
    }
}
