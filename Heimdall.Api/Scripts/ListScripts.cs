using System.Globalization;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Microsoft.AspNetCore.Mvc;

namespace Heimdall.Api.Scripts;

/// <summary><c>GET /api/v1/sql</c>: a page of scripts, in the order of their paths.</summary>
internal static class ListScripts
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 200;

    private static readonly string[] Known = ["limit", "prefix", "after"];

    public static IResult Handle(
        HttpContext context, ScriptList scripts, [FromQuery] string? limit = null, [FromQuery] string? prefix = null, [FromQuery] string? after = null)
    {
        List<ContextProblem> problems =
        [
            .. context.Request.Query.Keys.Where(key => !Known.Contains(key))
                .Select(key => new ContextProblem(key, $"Unknown parameter. Known are: {string.Join(", ", Known)}.")),
            .. context.Request.Query.Where(item => item.Value.Count > 1).Select(item => new ContextProblem(item.Key, "Given more than once.")),
        ];
        var most = DefaultLimit;
        if (limit is not null && !(int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out most) && most is >= 1 and <= MaxLimit))
        {
            problems.Add(new("limit", $"Must be a number from 1 to {MaxLimit}."));
        }
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var (page, hasMore) = scripts.Read(prefix ?? "", after ?? "", most);
        return TypedResults.Json(new ScriptListView(page, hasMore, hasMore ? page[^1].Path : null), ApiJson.Options);
    }
}
