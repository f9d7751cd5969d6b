using System.Globalization;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>Reads the query string of a list. An unknown filter is refused: ignoring it would show the wrong jobs.</summary>
internal static class JobFilterReader
{
    private const int MaxLimit = 200;

    private static readonly string[] _orders = ["created_at", "updated_at"];

    /// <summary>The parameters there are.</summary>
    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Uuid("id", "This job."),
        ParameterDescription.Text("name", "Jobs of this name."),
        ParameterDescription.Text("version", "Jobs of this version."),
        ParameterDescription.Text("user", "Jobs of this user."),
        ParameterDescription.Words("status", "Jobs with one of these statuses.", JobStatusNames.All),
        ParameterDescription.Text("command", "Jobs of this command: its id or its name."),
        ParameterDescription.Text("cluster", "Jobs on this cluster: its id or its name."),
        ParameterDescription.Text("tag", "Jobs with this tag."),
        ParameterDescription.Text("schedule", "Jobs of this schedule."),
        ParameterDescription.Uuid("parent", "The children of this job; with direction=asc as they begin."),
        ParameterDescription.Text("text", "Jobs with this text in the name, the description, the SQL or the errors."),
        ParameterDescription.Time("created_after", "Jobs that were created after this time."),
        ParameterDescription.Time("created_before", "Jobs that were created before this time."),
        ParameterDescription.Word("order_by", "The time by which they are ordered.", _orders, _orders[0]),
        ParameterDescription.Word("direction", "The oldest or the newest first.", ["asc", "desc"], "desc"),
        ParameterDescription.Number("limit", "How many.", 1, MaxLimit, new JobFilter().Limit),
        ParameterDescription.Text("cursor", "next_cursor of the page before."),
    ];

    public static IReadOnlyList<string> Known { get; } = [.. Parameters.Select(parameter => parameter.Name)];

    public static (JobFilter Filter, List<ContextProblem> Problems) Read(IQueryCollection query)
    {
        var problems = new List<ContextProblem>();
        problems.AddRange(UnknownName.Parameters(query, Known));
        problems.AddRange(query.Where(item => item.Value.Count > 1 && item.Key != "status")
            .Select(item => new ContextProblem(item.Key, "Given more than once.")));
        var filter = new JobFilter
        {
            Id = Value<Guid>("id", "a UUID", Guid.TryParse),
            Name = Text("name"),
            Version = Text("version"),
            User = Text("user"),
            Status = Statuses(),
            Command = Text("command"),
            Cluster = Text("cluster"),
            Tag = Text("tag"),
            ScheduleId = Text("schedule"),
            Parent = Value<Guid>("parent", "a UUID", Guid.TryParse),
            Text = Text("text"),
            CreatedAfter = Value<DateTime>("created_after", "a time such as 2026-01-31T12:00:00Z", TryParseTime),
            CreatedBefore = Value<DateTime>("created_before", "a time such as 2026-01-31T12:00:00Z", TryParseTime),
            OrderBy = Value<JobOrder>("order_by", "created_at or updated_at", TryParseOrder) ?? JobOrder.CreatedAt,
            Descending = Value<bool>("direction", "asc or desc", TryParseDirection) ?? true,
            Limit = Value<int>("limit", $"a number from 1 to {MaxLimit}", TryParseLimit) ?? new JobFilter().Limit,
        };
        return (filter with { After = Cursor(filter) }, problems);

        string? Text(string name) => query[name] is [{ Length: > 0 } text] && !text.Contains('\0') ? text : query.ContainsKey(name) ? Refuse(name) : null;

        string? Refuse(string name)
        {
            problems.Add(new(name, "Must not be empty."));
            return null;
        }

        T? Value<T>(string name, string expected, TryParse<T> parse)
            where T : struct
        {
            if (!query.TryGetValue(name, out var text))
            {
                return null;
            }
            if (parse(text[0] ?? "", out var value))
            {
                return value;
            }
            problems.Add(new(name, $"Must be {expected}."));
            return null;
        }

        IReadOnlyList<JobStatus> Statuses()
        {
            var names = query["status"].SelectMany(text => (text ?? "").Split(',')).ToArray();
            var unknown = names.Where(name => !JobStatusNames.All.Contains(name.ToUpperInvariant())).ToArray();
            if (unknown.Length > 0)
            {
                problems.Add(new(
                    "status",
                    $"Unknown: {string.Join(", ", unknown)}. Known are: {string.Join(", ", JobStatusNames.All)}."
                    + NearestWord.Ask(unknown[0], JobStatusNames.All)));
            }
            return [.. names.Except(unknown).Select(JobStatusNames.Parse)];
        }

        JobCursor? Cursor(JobFilter order)
        {
            if (!query.TryGetValue("cursor", out var text))
            {
                return null;
            }
            if (JobCursorText.Read(text[0] ?? "") is { } cursor && cursor.OrderBy == order.OrderBy && cursor.Descending == order.Descending)
            {
                return cursor;
            }
            problems.Add(new("cursor", "Not a cursor of this list: take next_cursor of the page before, with the same order_by and direction."));
            return null;
        }
    }

    private delegate bool TryParse<T>(string text, out T value);

    private static bool TryParseTime(string text, out DateTime time) =>
        DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out time);

    private static bool TryParseOrder(string text, out JobOrder order)
    {
        order = text == "updated_at" ? JobOrder.UpdatedAt : JobOrder.CreatedAt;
        return text is "created_at" or "updated_at";
    }

    private static bool TryParseDirection(string text, out bool descending)
    {
        descending = text == "desc";
        return text is "asc" or "desc";
    }

    private static bool TryParseLimit(string text, out int limit) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaxLimit;
}
