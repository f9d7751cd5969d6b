using System.Globalization;
using System.Text.Json;

namespace Heimdall.Client;

/// <summary>
/// An object of a reply. <see cref="Json"/> has all of it, also members of a newer Heimdall; nothing in it is rounded.
/// </summary>
public abstract class ReplyObject(JsonElement json)
{
    public JsonElement Json { get; } = json.ValueKind == JsonValueKind.Object
        ? json
        : throw new HeimdallException("The reply is no object: it is not Heimdall that answers.");

    /// <summary>A member as text; null when it is absent.</summary>
    public string? Text(string name) =>
        Json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.ToString() : null;

    protected string Required(string name) =>
        Text(name) ?? throw Foreign(name);

    protected Guid RequiredId(string name) =>
        Guid.TryParse(Required(name), out var id) ? id : throw Foreign(name);

    protected long? Number(string name) => Text(name) switch
    {
        null => null,
        var text when long.TryParse(
            text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        _ => throw Foreign(name),
    };

    protected DateTimeOffset? Time(string name) => Text(name) switch
    {
        null => null,
        var text when DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) => time,
        _ => throw Foreign(name),
    };

    /// <summary>The elements of an array; none where it is absent.</summary>
    protected IEnumerable<JsonElement> Elements(string name) =>
        !Json.TryGetProperty(name, out var array) ? []
        : array.ValueKind == JsonValueKind.Array ? array.EnumerateArray()
        : throw Foreign(name);

    private protected static HeimdallException Foreign(string name) => new(
        $"The reply has no '{name}' as Heimdall writes it: something else answers, or another version of Heimdall.");

    public override string ToString() => Json.GetRawText();
}

public sealed class HeimdallJob(JsonElement json) : ReplyObject(json)
{
    public Guid Id => RequiredId("id");

    public string Name => Required("name");

    public string Status => Required("status");

    public string User => Required("user");

    public string CommandName => Required("command_name");

    /// <summary>Empty of a parent: its children are on clusters.</summary>
    public string ClusterName => Text("cluster_name") ?? "";

    /// <summary>Of a child: the job that it is a part of.</summary>
    public Guid? ParentId => Text("parent_id") is null ? null : RequiredId("parent_id");

    /// <summary>Of a parent: how many children it has; null for other jobs.</summary>
    public HeimdallChildren? Children =>
        Json.TryGetProperty("children", out var children) ? new HeimdallChildren(children) : null;

    public DateTimeOffset CreatedAt => Time("created_at") ?? throw Foreign("created_at");

    public DateTimeOffset? StartedAt => Time("started_at");

    public DateTimeOffset? FinishedAt => Time("finished_at");

    public string? Error => Text("error");

    public string? Sqlstate => Text("sqlstate");

    public string? WaitingFor => Text("waiting_for");

    public long? Statements => Number("statements");

    public long? RowsAffected => Number("rows_affected");

    public long? RowCount => Number("row_count");

    /// <summary>Whether a limit has cut the rows; null of what has none.</summary>
    public bool? IsTruncated => Text("truncated") is { } cut ? cut == bool.TrueString : null;

    public bool HasEnded => HasEndedAs(Status);

    /// <summary>Of the answer to a retry: hooks of the old job that no process has any more.</summary>
    public IReadOnlyList<string> HooksLeftOut { get; init; } = [];

    /// <summary>Each statement that failed.</summary>
    public IReadOnlyList<HeimdallStatementError> Errors =>
        [.. Elements("errors").Select(error => new HeimdallStatementError(error))];

    internal static bool HasEndedAs(string status) => status is "SUCCEEDED" or "FAILED" or "CANCELED" or "KILLED";
}

/// <summary>How many children a parent has, and how many of them have ended, by how.</summary>
public sealed class HeimdallChildren(JsonElement json) : ReplyObject(json)
{
    public long Total => Number("total") ?? throw Foreign("total");

    public long Ended => Number("ended") ?? throw Foreign("ended");

    public long Succeeded => Number("succeeded") ?? throw Foreign("succeeded");
}

public sealed class HeimdallStatementError(JsonElement json) : ReplyObject(json)
{
    public string Message => Required("message");

    /// <summary>Of an error that a parent tells of one of its children: where.</summary>
    public string? Cluster => Text("cluster");

    public string? Sqlstate => Text("sqlstate");

    public string? Detail => Text("detail");

    public string? Hint => Text("hint");

    /// <summary>The file; null where that is the script itself.</summary>
    public string? File => Text("file");

    public long? Statement => Number("statement");

    public long? Line => Number("line");

    public long? Column => Number("column");
}

public sealed class HeimdallJobState(JsonElement json) : ReplyObject(json)
{
    public string Status => Required("status");

    public string? Error => Text("error");

    public bool HasEnded => HeimdallJob.HasEndedAs(Status);
}

/// <summary>A script that jobs can name.</summary>
public sealed class HeimdallScript(JsonElement json) : ReplyObject(json)
{
    public string Path => Required("path");

    public long Bytes => Number("bytes") ?? throw Foreign("bytes");

    /// <summary>Of one that was put there; null in lists.</summary>
    public string? Sha256 => Text("sha256");

    /// <summary>Of one that was put there, for <c>ifMatch</c> of the next change; null in lists.</summary>
    public string? ETag { get; init; }

    /// <summary>Who put it there first; null of one that belongs to operators.</summary>
    public string? Owner => Text("owner");
}

/// <summary>Who calls.</summary>
public sealed class HeimdallCaller(JsonElement json) : ReplyObject(json)
{
    public string User => Required("user");

    public IReadOnlyList<string> Roles => [.. Elements("roles").Select(role => role.ToString())];
}

public sealed class HeimdallSchedule(JsonElement json) : ReplyObject(json)
{
    public string Id => Required("id");

    public string Cron => Required("cron");

    public string Timezone => Required("timezone");

    public DateTimeOffset? NextAt => Time("next_at");

    public bool IsPaused => Text("paused") is not null;
}

/// <summary>What happened to an occurrence of a schedule.</summary>
public sealed class HeimdallScheduleRun(JsonElement json) : ReplyObject(json)
{
    public string Outcome => Required("outcome");

    public string? Reason => Text("reason");

    public Guid? JobId => Text("job_id") is null ? null : RequiredId("job_id");
}

/// <summary>A command or a cluster.</summary>
public sealed class HeimdallCatalogEntry(JsonElement json) : ReplyObject(json)
{
    public string Id => Required("id");

    public string Name => Required("name");

    public string Status => Required("status");

    public IReadOnlyList<string> Tags => [.. Elements("tags").Select(tag => tag.ToString())];

    public bool IsPaused => Text("paused") is not null;
}

/// <summary>A receiver of messages about what happens.</summary>
public sealed class HeimdallHook(JsonElement json) : ReplyObject(json)
{
    public string Id => Required("id");

    /// <summary>How it is notified: <c>webhook</c>, <c>slack</c> or <c>mail</c>.</summary>
    public string Kind => Required("kind");

    /// <summary>Scheme and host.</summary>
    public string Target => Required("target");

    /// <summary>What it is notified of without being named.</summary>
    public IReadOnlyList<string> Events => [.. Elements("events").Select(one => one.ToString())];

    /// <summary>Messages that are not delivered yet.</summary>
    public long Pending => Number("pending") ?? throw Foreign("pending");

    /// <summary>Messages that were given up within the last day.</summary>
    public long DeadLately => Number("dead_lately") ?? throw Foreign("dead_lately");

    /// <summary>Since when it has wanted no more messages; null: it takes them.</summary>
    public DateTimeOffset? GoneSince => Time("gone_since");
}

/// <summary>A message to a hook, with how far it is.</summary>
public sealed class HeimdallDelivery(JsonElement json) : ReplyObject(json)
{
    public Guid Id => RequiredId("id");

    public string Hook => Required("hook");

    public string Event => Required("event");

    /// <summary>What it is about, such as <c>job/ID</c>.</summary>
    public string Subject => Required("subject");

    public string Status => Required("status");

    public long Attempts => Number("attempts") ?? throw Foreign("attempts");

    /// <summary>Why the last attempt failed.</summary>
    public string? Error => Text("error");

    public DateTimeOffset CreatedAt => Time("created_at") ?? throw Foreign("created_at");
}

public sealed class HeimdallPause(JsonElement json) : ReplyObject(json)
{
    public string Scope => Required("scope");

    public string? Id => Text("id");

    public string? Reason => Text("reason");

    public DateTimeOffset? Until => Time("until");
}
