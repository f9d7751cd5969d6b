using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Hooks;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Reads a submission and finds everything that is wrong with it, not only the first thing: unknown fields and wrong types are
/// named one by one.
/// </summary>
internal static class SubmitJobRequestReader
{
    public const string Cancel = "cancel";
    public const string Continue = "continue";
    public const string Any = ScheduleConfig.Any;
    public const string All = ScheduleConfig.All;

    private const string OnWaitTimeout = "on_wait_timeout";

    private static readonly string[] _known =
    [
        "name", "version", "description", "tags", "command_criteria", "cluster_criteria", "context", "priority", "after",
        "start_after", "start_before", "target", "max_parallel", "canary", "stop_after_failures", OnEndField.Name,
        OnWaitTimeout, "dry_run",
    ];

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <param name="element">The submission.</param>
    /// <param name="validator">The limits of its fields.</param>
    /// <param name="clock">The store's: by it the job is started in time, or not at all.</param>
    /// <param name="place">Where it stands in the body: <c>[3]</c>; empty when it is the body.</param>
    /// <param name="places">How many jobs are in the body; 0 when it is one.</param>
    /// <returns>The request, or null where its fields cannot be told; and what is wrong.</returns>
    public static (SubmitJobRequest? Request, FaultList Problems) Read(
        JsonElement element, SubmitJobValidator validator, StoreClock clock, string place = "", int places = 0)
    {
        var problems = new FaultList();
        problems.AddAll(UnreadableText.Find(element, place));
        if (problems.Count > 0 || ReadFields(element, place, problems) is not { } fields)
        {
            return (null, problems);
        }
        var request = ReadRequest(fields, place, places, problems);
        problems.AddAll(validator.Validate(request).Errors
            .Select(error => new ContextProblem(PathOf(place, error.PropertyName), error.ErrorMessage))
            .Where(error => !problems.Names(error.Path))
            .ToArray());
        if (request.StartBefore <= clock.GetUtcNow())
        {
            problems.Add(new(
                PathOf(place, "start_before"), "Must be in the future: after it the job is not started any more."));
        }
        return (request, problems);
    }

    /// <summary>Of a body that may not have been checked: one that is sent again is answered before.</summary>
    public static bool CancelsAfterWait(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(OnWaitTimeout, out var value)
        && value.ValueKind == JsonValueKind.String && value.ValueEquals(Cancel);

    private static JsonObject? ReadFields(JsonElement element, string place, FaultList problems)
    {
        try
        {
            // Only now that its text is known to be readable: looking for fields that are there twice reads their names.
            if (JsonNode.Parse(JsonMarshal.GetRawUtf8Value(element), documentOptions: Strict) is JsonObject fields)
            {
                return fields;
            }
            problems.Add(new(PathOf(place), "Must be a JSON object."));
        }
        catch (JsonException)
        {
            problems.Add(new(PathOf(place), "Not valid JSON: a field is there twice."));
        }
        return null;
    }

    private static SubmitJobRequest ReadRequest(JsonObject fields, string place, int places, FaultList problems)
    {
        fields.Remove("after", out var after);
        fields.Remove(OnEndField.Name, out var onEnd);
        var (hooks, wrongHooks) = OnEndField.Read(onEnd, PathOf(place, OnEndField.Name));
        problems.AddAll(wrongHooks);
        var request = new SubmitJobRequest
        {
            Name = Take<string>("name", "a string"),
            Version = Take<string>("version", "a string"),
            Description = Take<string>("description", "a string"),
            Tags = Take<string[]>("tags", "an array of strings"),
            CommandCriteria = Take<string[]>("command_criteria", "an array of strings"),
            ClusterCriteria = Take<string[]>("cluster_criteria", "an array of strings"),
            Context = Take<JsonObject>("context", "an object"),
            Priority = TakeNumber("priority"),
            After = after as JsonArray,
            Predecessors = AfterField.Read(after, PathOf(place, "after"), places, problems),
            StartAfter = TakeTime("start_after"),
            StartBefore = TakeTime("start_before"),
            Target = Take<string>("target", $"\"{Any}\" or \"{All}\""),
            MaxParallel = TakeNumber("max_parallel"),
            Canary = TakeNumber("canary"),
            StopAfterFailures = TakeNumber("stop_after_failures"),
            Hooks = hooks,
            OnWaitTimeout = Take<string>(OnWaitTimeout, $"\"{Continue}\" or \"{Cancel}\""),
            DryRun = TakeFlag("dry_run"),
        };
        problems.AddAll(fields, field => UnknownName.Field(field.Key, _known, PathOf(place, field.Key)));
        if (request.OnWaitTimeout is not (null or Continue or Cancel))
        {
            problems.Add(new(PathOf(place, OnWaitTimeout), $"Must be \"{Continue}\" or \"{Cancel}\"."));
        }
        return request;

        T? Take<T>(string name, string expected)
            where T : class
        {
            if (!fields.Remove(name, out var value) || value is null)
            {
                return null;
            }
            try
            {
                var read = value.Deserialize<T>();
                if (read is not string?[] strings || !strings.Contains(null))
                {
                    return read;
                }
            }
            catch (JsonException)
            {
                // Told below.
            }
            problems.Add(new(PathOf(place, name), $"Must be {expected}."));
            return null;
        }

        DateTimeOffset? TakeTime(string name)
        {
            if (!fields.Remove(name, out var value) || value is null)
            {
                return null;
            }
            if (value.GetValueKind() == JsonValueKind.String && Timestamp.TryRead(value.GetValue<string>(), out var time))
            {
                return time;
            }
            problems.Add(new(PathOf(place, name), "Must be a time as in RFC 3339, with its offset: \"2026-01-31T12:00:00Z\"."));
            return null;
        }

        int? TakeNumber(string name)
        {
            if (!fields.Remove(name, out var value) || value is null)
            {
                return null;
            }
            if (value.GetValueKind() == JsonValueKind.Number && value.AsValue().TryGetValue<int>(out var number))
            {
                return number;
            }
            problems.Add(new(PathOf(place, name), "Must be a whole number."));
            return null;
        }

        bool? TakeFlag(string name)
        {
            if (!fields.Remove(name, out var value) || value is null)
            {
                return null;
            }
            if (value.GetValueKind() is JsonValueKind.True or JsonValueKind.False)
            {
                return value.GetValue<bool>();
            }
            problems.Add(new(PathOf(place, name), "Must be true or false."));
            return null;
        }
    }

    private static string PathOf(string place) => place.Length == 0 ? "body" : place;

    private static string PathOf(string place, string field) => place.Length == 0 ? field : $"{place}.{field}";
}
