using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Hooks;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Hooks;

/// <summary>The field <c>on_end</c> of a submission or a schedule: the hooks that are notified when a job ends.</summary>
internal static class OnEndField
{
    public const string Name = "on_end";

    private const string Expected = "Must be an array of objects, such as [{\"hook\": \"ops\", \"on\": [\"FAILED\"]}].";

    /// <returns>What it says, and what about its form is wrong.</returns>
    public static (OnEndConfig[] Entries, IReadOnlyList<ContextProblem> Problems) Read(JsonNode? value, string path)
    {
        if (value is null)
        {
            return ([], []);
        }
        if (value is JsonArray { Count: > OnEndRules.Most })
        {
            return ([], [new(path, $"Must not be more than {OnEndRules.Most}.")]);
        }
        if (value is not JsonArray array || array.Any(item => item is not JsonObject))
        {
            return ([], [new(path, Expected)]);
        }
        var problems = new List<ContextProblem>();
        var entries = array.Index().Select(item => ReadEntry(item.Item!.AsObject(), $"{path}[{item.Index}]", problems))
            .ToArray();
        problems.AddRange(OnEndRules.FindProblems(entries, hooks: null)
            .Where(problem => !problems.Exists(other => other.Path == $"{path}{problem.Path}"))
            .Select(problem => new ContextProblem($"{path}{problem.Path}", Sentence(problem.Message))));
        return (entries, problems);
    }

    /// <summary>Hooks that there are not, or that the caller may not name.</summary>
    /// <param name="entries">What the field says.</param>
    /// <param name="book">The hooks that there are.</param>
    /// <param name="caller">Who says so.</param>
    /// <param name="path">Of the field.</param>
    /// <param name="kept">The hooks that the schedule already has: an editor may keep them.</param>
    public static IEnumerable<ContextProblem> FindUnknown(
        IReadOnlyList<OnEndConfig> entries, HookBook book, Caller caller, string path,
        IReadOnlyList<EndHook>? kept = null)
    {
        string[] known =
        [
            .. book.IdsFor(caller.Name).Union(kept?.Select(one => one.Hook) ?? []),
        ];
        return OnEndRules.FindProblems(entries, known)
            .Select(problem => new ContextProblem($"{path}{problem.Path}", Sentence(problem.Message)));
    }

    public static IReadOnlyList<EndHook> ToHooks(IEnumerable<OnEndConfig> entries) =>
        [.. entries.Select(entry => new EndHook(entry.Hook, entry.On))];

    private static OnEndConfig ReadEntry(JsonObject entry, string path, List<ContextProblem> problems)
    {
        problems.AddRange(entry.Select(field => field.Key).Where(key => key is not ("hook" or "on"))
            .Select(key => new ContextProblem($"{path}.{key}", "Unknown field. Known are: hook, on.")));
        var hook = entry["hook"];
        if (hook is not null && hook.GetValueKind() != JsonValueKind.String)
        {
            problems.Add(new($"{path}.hook", "Must be a string."));
        }
        var on = entry["on"];
        var isList = on is JsonArray list && list.All(item => item?.GetValueKind() == JsonValueKind.String);
        if (on is not null && !isList)
        {
            problems.Add(new($"{path}.on", "Must be an array of strings."));
        }
        return new OnEndConfig
        {
            Hook = hook?.GetValueKind() == JsonValueKind.String ? hook.GetValue<string>() : "",
            On = isList ? [.. on!.AsArray().Select(item => item!.GetValue<string>())] : [],
        };
    }

    private static string Sentence(string message) => $"{char.ToUpperInvariant(message[0])}{message[1..]}.";
}

/// <summary>A hook that is notified when a job ends, as callers write it and see it.</summary>
/// <param name="Hook">The id of a receiver.</param>
/// <param name="On">The statuses that it is notified of; all where there are none.</param>
internal sealed record OnEndView(
    string Hook, [property: EndStatuses] IReadOnlyList<string>? On)
{
    /// <returns>Null for none.</returns>
    public static IReadOnlyList<OnEndView>? Of(IReadOnlyList<EndHook>? hooks) => hooks is { Count: > 0 }
        ? [.. hooks.Select(hook => new OnEndView(hook.Hook, hook.On.Count > 0 ? hook.On : null))]
        : null;
}
