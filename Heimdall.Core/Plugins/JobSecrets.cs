using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Core.Plugins;

/// <summary>
/// The secret values among a job's parameters or variables: those that are written as an object with
/// <c>"secret": true</c>. The context that is stored and shown has the object without its value.
/// </summary>
public sealed class JobSecrets
{
    /// <summary>
    /// UTF-16 units of all secrets of a job: of more nobody would look for each part in each line of a log.
    /// </summary>
    public const int MostLength = 65_536;

    private const string Value = "value";
    private const string Secret = "secret";
    private const string Parameters = "parameters";
    private const string Variables = "variables";

    private readonly IReadOnlyDictionary<string, JsonNode> _values; // by path
    private readonly Lazy<SecretText> _text;

    private JobSecrets(IReadOnlyDictionary<string, JsonNode> values)
    {
        _values = values;
        _text = new(() => new SecretText(values.Values.Select(TextOf)));
    }

    /// <summary>Parts a context from its secrets.</summary>
    /// <param name="context">As somebody has written it.</param>
    /// <param name="kept">The values of those that are written without one.</param>
    /// <returns>What may be stored and shown, and the secrets; null where there are none.</returns>
    /// <exception cref="JobRefusedException">What is marked as a secret is none that can be kept.</exception>
    public static (JsonObject Shown, JobSecrets? Secrets) Split(JsonObject context, JobSecrets? kept = null)
    {
        var marks = FindMarks(context).ToArray();
        if (marks.Length == 0)
        {
            return (context, null);
        }
        var shown = context.DeepClone().AsObject();
        var values = new Dictionary<string, JsonNode>(StringComparer.Ordinal);
        var problems = new List<ContextProblem>();
        foreach (var mark in marks)
        {
            var value = mark.Node[Value] ?? kept?._values.GetValueOrDefault(mark.Path);
            if (FindProblem(mark, value) is { } problem)
            {
                problems.Add(problem);
                continue;
            }
            values[mark.Path] = value!.DeepClone();
            mark.In(shown)[Value] = null;
        }
        if (values.Values.Sum(value => TextOf(value).Length) > MostLength)
        {
            problems.Add(TooLong(marks[^1].Path));
        }
        return problems.Count > 0 ? throw new JobRefusedException(problems) : (shown, new JobSecrets(values));
    }

    /// <summary>Changes the texts that are marked as secrets.</summary>
    public static JsonObject ReplaceIn(JsonObject context, Func<string, string> replace)
    {
        if (!FindMarks(context).Any())
        {
            return context;
        }
        var replaced = context.DeepClone().AsObject();
        foreach (var mark in FindMarks(context))
        {
            if (mark.Node[Value] is JsonValue value && value.TryGetValue(out string? text))
            {
                mark.In(replaced)[Value] = replace(text);
            }
        }
        return replaced;
    }

    /// <summary>The same of a context that was stored, with values that are sent anew.</summary>
    /// <param name="shown">The context.</param>
    /// <param name="values">By name: that of a parameter or variable, or <c>$1</c>.</param>
    /// <exception cref="JobRefusedException">A value is missing, or not one.</exception>
    public static JobSecrets? Renew(JsonObject shown, JsonObject? values)
    {
        var marks = FindMarks(shown).ToArray();
        var problems = new List<ContextProblem>();
        var renewed = new Dictionary<string, JsonNode>(StringComparer.Ordinal);
        foreach (var name in values?.Select(value => value.Key) ?? [])
        {
            if (!Array.Exists(marks, mark => mark.Name == name))
            {
                problems.Add(new($"secrets.{name}", "is no secret of this job."));
            }
        }
        foreach (var mark in marks)
        {
            var value = values?[mark.Name];
            if (FindProblem(mark, value) is { } problem)
            {
                problems.Add(problem with { Path = $"secrets.{mark.Name}" });
            }
            else
            {
                renewed[mark.Path] = value!.DeepClone();
            }
        }
        if (renewed.Values.Sum(value => TextOf(value).Length) > MostLength)
        {
            problems.Add(TooLong("secrets"));
        }
        return problems.Count > 0 ? throw new JobRefusedException(problems) { IsWithinContext = false }
            : renewed.Count > 0 ? new JobSecrets(renewed)
            : null;
    }

    /// <summary>The names of the secrets that a context had.</summary>
    public static IReadOnlyList<string> NamesIn(JsonObject context) =>
        [.. FindMarks(context).Select(mark => mark.Name)];

    /// <summary>The paths of the variables that are secrets.</summary>
    public static IReadOnlyList<string> VariablesIn(JsonObject context) =>
        [.. FindMarks(context).Where(mark => mark.Field == Variables).Select(mark => mark.Path)];

    /// <summary>Whether a job, or one of an array of jobs, has secrets. It need not be well-formed otherwise.</summary>
    public static bool AreIn(JsonElement body) => body.ValueKind switch
    {
        JsonValueKind.Array => body.EnumerateArray().Any(job => job.ValueKind == JsonValueKind.Object && AreIn(job)),
        JsonValueKind.Object => MembersOf(body, "context")
            .SelectMany(context => MembersOf(context, Parameters).Concat(MembersOf(context, Variables)))
            .SelectMany(ItemsOf)
            .Any(item => MembersOf(item, Secret).Any(mark => mark.ValueKind == JsonValueKind.True)),
        _ => false,
    };

    /// <param name="json">As <see cref="ToJson"/> wrote it.</param>
    public static JobSecrets Read(string json) => new(JsonNode.Parse(json)!.AsObject()
        .ToDictionary(value => value.Key, value => value.Value!, StringComparer.Ordinal));

    /// <summary>The values themselves: to be sealed, and nothing else.</summary>
    public string ToJson() => new JsonObject(
        _values.Select(value => KeyValuePair.Create(value.Key, (JsonNode?)value.Value.DeepClone()))).ToJsonString();

    /// <summary>The context as its plugin is to see it: with the values, and without the marks.</summary>
    public JsonObject Reveal(JsonObject shown)
    {
        var whole = shown.DeepClone().AsObject();
        foreach (var mark in FindMarks(shown))
        {
            if (!_values.TryGetValue(mark.Path, out var value))
            {
                continue;
            }
            if (mark.Field == Variables)
            {
                whole[Variables]![mark.Key] = value.DeepClone();
                continue;
            }
            var parameter = mark.In(whole);
            parameter.Remove(Secret);
            parameter[Value] = value.DeepClone();
        }
        return whole;
    }

    /// <summary>A text without the secrets, or longer parts of them.</summary>
    public string Redact(string text) => _text.Value.Redact(text);

    public JobFailure Redact(JobFailure failure) => failure with
    {
        Message = Redact(failure.Message),
        Errors = [.. failure.Errors.Select(Redact)],
    };

    public JobProgress Redact(JobProgress progress) => progress with
    {
        Errors = progress.Errors is { } errors ? [.. errors.Select(Redact)] : null,
        Files = progress.Files is { } files ? [.. files.Select(file => file with { Path = Redact(file.Path) })] : null,
    };

    public JobRefusedException Redact(JobRefusedException refused) => new(
        [.. refused.Problems.Select(Redact)], refused.LeftOut)
    {
        IsWithinContext = refused.IsWithinContext,
    };

    public ContextProblem Redact(ContextProblem problem) => problem with { Message = Redact(problem.Message) };

    /// <summary>Nothing that prints a job prints them.</summary>
    public override string ToString() => SecretText.Mark;

    private StatementError Redact(StatementError error) => error with
    {
        Message = Redact(error.Message),
        File = error.File is null ? null : Redact(error.File),
        Detail = error.Detail is null ? null : Redact(error.Detail),
        Hint = error.Hint is null ? null : Redact(error.Hint),
        Context = error.Context is null ? null : Redact(error.Context),
    };

    private static string TextOf(JsonNode value) =>
        value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();

    private static ContextProblem TooLong(string path) =>
        new(path, $"is too long: all secrets of a job together have at most {MostLength} characters.");

    private static ContextProblem? FindProblem(SecretMark mark, JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => new(
            mark.Path, "is marked as a secret and has no value; send it again, for it is never shown."),
        JsonValueKind.String => value.GetValue<string>().Length switch
        {
            0 => new(mark.Path, "is an empty secret."),
            _ => null,
        },
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False when mark.Field != Variables => null,
        _ => new(mark.Path, mark.Field == Variables
            ? "must be text, as any variable."
            : "must be text, a number, true or false, for it is a secret."),
    };

    private static IEnumerable<SecretMark> FindMarks(JsonObject context)
    {
        foreach (var field in new[] { Parameters, Variables })
        {
            switch (context[field])
            {
                case JsonObject named:
                    foreach (var (key, node) in named)
                    {
                        if (IsMarked(node))
                        {
                            yield return new(field, key, Index: null, node!.AsObject());
                        }
                    }
                    break;
                case JsonArray counted when field == Parameters:
                    foreach (var (index, node) in counted.Index())
                    {
                        if (IsMarked(node))
                        {
                            yield return new(field, Key: "", index, node!.AsObject());
                        }
                    }
                    break;
            }
        }
    }

    private static bool IsMarked(JsonNode? node) =>
        node is JsonObject described && described[Secret]?.GetValueKind() == JsonValueKind.True;

    private static IEnumerable<JsonElement> MembersOf(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object
            ? element.EnumerateObject().Where(member => member.NameEquals(name)).Select(member => member.Value)
            : [];

    private static IEnumerable<JsonElement> ItemsOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Select(member => member.Value),
        JsonValueKind.Array => element.EnumerateArray(),
        _ => [],
    };

    /// <summary>A place in a context that is marked as a secret.</summary>
    private sealed record SecretMark(string Field, string Key, int? Index, JsonObject Node)
    {
        public string Path => Index is { } index ? $"{Field}[{index}]" : $"{Field}.{Key}";

        /// <summary>As a caller calls it.</summary>
        public string Name => Index is not { } index ? Key
            : Node["name"] is JsonValue name && name.TryGetValue(out string? text) ? text
            : $"${index + 1}";

        /// <summary>The same place in a copy of the context.</summary>
        public JsonObject In(JsonObject copy) =>
            (Index is { } index ? copy[Field]!.AsArray()[index] : copy[Field]!.AsObject()[Key])!.AsObject();
    }
}
