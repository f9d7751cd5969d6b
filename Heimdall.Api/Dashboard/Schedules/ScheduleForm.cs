using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Hooks;
using Heimdall.Api.Schedules;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>
/// What a schedule says, as the fields of a form, and back. The SQL has a field of its own. A form that was sent
/// without the field of the SQL, or of the rest of the context, leaves it as it is.
/// </summary>
internal static class ScheduleForm
{
    public const string Query = "query";
    public const string Context = "context";
    public const string Revision = "revision";

    /// <summary>A longer text is not sent to a browser to be edited.</summary>
    public const int LongestText = 200_000;

    private static readonly string[] _texts =
    [
        "name", "version", "description", "cron", "day", "timezone", "misfire", "max_lateness", "overlap", "starts_at",
        "ends_at",
    ];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    public static IReadOnlyDictionary<string, string> Of(Schedule schedule)
    {
        var said = schedule.Definition;
        return new Dictionary<string, string>
        {
            ["name"] = said.Name,
            ["version"] = said.Version,
            ["description"] = said.Description,
            ["cron"] = said.Cron,
            ["day"] = said.Day.ToName(),
            ["timezone"] = said.Timezone,
            ["misfire"] = said.Misfire.ToName(),
            ["max_lateness"] = said.MaxLateness is { } lateness ? Duration.Write(lateness) : "",
            ["overlap"] = said.Overlap.ToName(),
            ["starts_at"] = Write(said.StartsAt),
            ["ends_at"] = Write(said.EndsAt),
            ["tags"] = string.Join('\n', said.Tags),
            ["command_criteria"] = string.Join('\n', said.CommandCriteria),
            ["cluster_criteria"] = string.Join('\n', said.ClusterCriteria),
            [Query] = QueryIn(said.Context) ?? "",
            [Context] = RestOf(said.Context),
            [Revision] = ScheduleCondition.TagOf(schedule),
        };
    }

    /// <summary>The fields as they were sent; what was not sent is as it is.</summary>
    public static IReadOnlyDictionary<string, string> Read(IFormCollection form, Schedule schedule) =>
        Of(schedule).ToDictionary(
            field => field.Key,
            field => form.TryGetValue(field.Key, out var sent) ? sent.ToString() : field.Value);

    /// <summary>The body of a <c>PUT</c> that says the same.</summary>
    /// <returns>Null where the rest of the context is no JSON object.</returns>
    public static JsonObject? ToBody(IFormCollection form, Schedule schedule)
    {
        var body = new JsonObject();
        var shown = Of(schedule);
        foreach (var name in _texts)
        {
            var text = Unfold(form[name].ToString()).Trim();
            if (IsUntouched(form, name, shown))
            {
                text = shown[name]; // with the line ends and spaces that it has
            }
            if (text.Length > 0)
            {
                body[name] = text;
            }
        }
        foreach (var (name, list) in ListsOf(schedule.Definition))
        {
            var items = IsUntouched(form, name, shown) ? list : LinesOf(form[name].ToString());
            body[name] = new JsonArray([.. items.Select(item => JsonValue.Create(item))]);
        }
        if (ReadContext(form, schedule.Definition.Context) is not { } context)
        {
            return null;
        }
        body[Context] = context;
        AddWhatIsNotShown(body, schedule.Definition);
        return body;
    }

    /// <summary>What the form has no field for stays as it is.</summary>
    private static void AddWhatIsNotShown(JsonObject body, ScheduleDefinition said)
    {
        if (said.FanOut is { } fanOut)
        {
            body["target"] = ScheduleConfig.All;
            body["max_parallel"] = fanOut.MaxParallel;
            body["canary"] = fanOut.Canary;
            body["stop_after_failures"] = fanOut.StopAfterFailures;
        }
        if (OnEndView.Of(said.OnEnd) is { } hooks)
        {
            body[OnEndField.Name] = JsonSerializer.SerializeToNode(hooks, ApiJson.Options);
        }
    }

    private static IEnumerable<(string Name, IReadOnlyList<string> Items)> ListsOf(ScheduleDefinition said) =>
    [
        ("tags", said.Tags), ("command_criteria", said.CommandCriteria), ("cluster_criteria", said.ClusterCriteria),
    ];

    /// <summary>Whether a field was sent as it was shown, but for the line ends of a browser.</summary>
    private static bool IsUntouched(IFormCollection form, string name, IReadOnlyDictionary<string, string> shown) =>
        form.TryGetValue(name, out var sent) && Unfold(sent.ToString()).Trim() == Unfold(shown[name]).Trim();

    /// <summary>The SQL of a context, or the path of its script.</summary>
    public static string? QueryIn(JsonObject context) =>
        context[Query] is JsonValue value && value.TryGetValue(out string? query) ? query : null;

    /// <returns>Null where the rest is no JSON object, or has the SQL too.</returns>
    private static JsonObject? ReadContext(IFormCollection form, JsonObject was)
    {
        var context = Parse(form.ContainsKey(Context) ? form[Context].ToString() : RestOf(was));
        var query = QueryIn(was);
        if (form.ContainsKey(Query) && Unfold(form[Query].ToString()) is var text && text != Unfold(query ?? ""))
        {
            query = text; // one that was not touched keeps its line ends
        }
        if (query is null || context is null)
        {
            return context;
        }
        if (context.ContainsKey(Query))
        {
            return null;
        }
        context.Insert(0, Query, query);
        return context;
    }

    private static JsonObject? Parse(string text)
    {
        try
        {
            return string.IsNullOrWhiteSpace(text) ? [] : JsonNode.Parse(text, documentOptions: Strict) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Of another kind than a text the query stays with the rest.</summary>
    private static string RestOf(JsonObject context)
    {
        var isText = QueryIn(context) is not null;
        var rest = new JsonObject(context.Where(field => !isText || field.Key != Query)
            .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
        return rest.Count == 0 ? "" : rest.ToJsonString(Indented);
    }

    private static string[] LinesOf(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A browser sends each line end as two characters.</summary>
    private static string Unfold(string text) =>
        text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');

    private static string Write(DateTime? time) =>
        time?.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture) ?? "";
}
