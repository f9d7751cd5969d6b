using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Gives the parameters that have names their numbers, in the order in which a query uses them: where it says
/// <c>:name</c>, the server is sent <c>$1</c>. A value is never put into the text.
/// </summary>
internal sealed partial class ParameterNames
{
    private readonly IReadOnlyList<QueryParameter> _given;
    private readonly List<QueryParameter> _used = [];

    public ParameterNames(IReadOnlyList<QueryParameter> given)
    {
        _given = given;
        Variables = given.Any(parameter => parameter.Name is not null)
            ? new ScriptVariables(Find, plainOnly: true, long.MaxValue)
            : null;
    }

    /// <summary>What a scanner of the query needs; null when no parameter has a name.</summary>
    public ScriptVariables? Variables { get; }

    /// <summary>The parameters in the order of their numbers.</summary>
    public IReadOnlyList<QueryParameter> Used => Variables is null ? _given : _used;

    /// <exception cref="JobRefusedException">The query, now that it is read, does not use all of them.</exception>
    public void RequireUse()
    {
        var unused = _given.Except(Used)
            .Select(parameter => new ContextProblem(
                parameter.Path, $"is not used: the query has no :{parameter.Name}."))
            .ToArray();
        if (unused.Length > 0)
        {
            throw new JobRefusedException(unused);
        }
    }

    /// <summary>
    /// An error in the words of the query as its caller wrote it: the server speaks of <c>$1</c>, and of the portal
    /// that the values were sent for.
    /// </summary>
    /// <param name="failure">What the server says.</param>
    /// <param name="used">The parameters in the order of their numbers.</param>
    public static JobFailure Restore(JobFailure failure, IReadOnlyList<QueryParameter> used)
    {
        return used.Count == 0
            ? failure
            : failure with { Message = Rename(failure.Message)!, Errors = [.. failure.Errors.Select(RenameAll)] };

        StatementError RenameAll(StatementError error) => error with
        {
            Message = Rename(error.Message)!,
            Detail = Rename(error.Detail),
            Hint = Rename(error.Hint),
            Context = Rename(error.Context),
        };

        string? Rename(string? text) => text is null ? null : Mention().Replace(text, mention =>
        {
            var number = int.Parse(mention.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
            var name = number >= 1 && number <= used.Count ? used[number - 1].Name : null;
            return $"{mention.Groups["before"].Value}{(name is null ? $"${number}" : $":{name}")}";
        });
    }

    private byte[]? Find(string name)
    {
        var at = _used.FindIndex(parameter => parameter.Name == name);
        if (at < 0 && _given.FirstOrDefault(parameter => parameter.Name == name) is { } found)
        {
            at = _used.Count;
            _used.Add(found);
        }

        return at < 0 ? null : Encoding.UTF8.GetBytes($"${at + 1}");
    }

    // Not where a quote stands before it: there a value is shown.
    [GeneratedRegex("""(unnamed portal )?(?<before>(?<!["'])\bparameter |at or near ")\$(?<number>[0-9]{1,5})\b""")]
    private static partial Regex Mention();
}
