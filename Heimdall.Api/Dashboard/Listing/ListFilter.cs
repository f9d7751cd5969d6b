using Heimdall.Api.Jobs;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Primitives;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>
/// What a list is filtered by, as its address says. Unlike over REST a parameter that is not known is passed over, a
/// name may end in <c>*</c>, and jobs may be ordered by how long they took.
/// </summary>
/// <param name="Query">The parameters that count, without those that a form left empty.</param>
/// <param name="Filter">What they say.</param>
/// <param name="Problems">What is wrong with them.</param>
/// <param name="ByDuration">Whether the longest come first.</param>
internal sealed record ListFilter(
    QueryCollection Query, JobFilter Filter, IReadOnlyList<ContextProblem> Problems, bool ByDuration)
{
    private const string OrderBy = "order_by";
    private const string Duration = "duration";

    public static ListFilter Read(IQueryCollection all, JobSight sight)
    {
        var query = all.Where(field => JobFilterReader.Known.Contains(field.Key) && !StringValues.IsNullOrEmpty(field.Value))
            .ToDictionary(field => field.Key, field => field.Value);
        var kept = new QueryCollection(new Dictionary<string, StringValues>(query));
        var byDuration = query.TryGetValue(OrderBy, out var order) && order == Duration && query.Remove(OrderBy);
        var prefix = query.TryGetValue("name", out var name) && name is [{ Length: > 1 } text] && text.EndsWith('*')
            && !text.Contains('\0') && query.Remove("name")
                ? text[..^1]
                : null;
        var (filter, problems) = JobFilterReader.Read(new QueryCollection(query));
        return new ListFilter(kept, filter with { Sight = sight, NamePrefix = prefix }, problems, byDuration);
    }

    /// <summary>The address of a list with other values of some parameters; an empty one takes a parameter out.</summary>
    public string AddressOf(string page, params IEnumerable<(string Name, string Value)> changes)
    {
        var changed = changes.Append(("cursor", "")).GroupBy(one => one.Item1).ToDictionary(one => one.Key, one => one.First().Item2);
        var fields = Query.Where(field => !changed.ContainsKey(field.Key))
            .SelectMany(field => field.Value, (field, value) => KeyValuePair.Create(field.Key, value))
            .Concat(changed.Where(one => one.Value.Length > 0).Select(one => KeyValuePair.Create(one.Key, (string?)one.Value)));
        return page + QueryString.Create(fields);
    }
}
