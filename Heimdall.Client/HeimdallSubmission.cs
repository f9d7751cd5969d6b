using System.Text.Json.Nodes;

namespace Heimdall.Client;

/// <summary>A job to submit: <c>docs/reference/job-fields.md</c> has the fields.</summary>
public sealed record HeimdallSubmission
{
    public string Name { get; init; } = "client";

    /// <summary>SQL, or the path of a script that Heimdall has.</summary>
    public required string Query { get; init; }

    /// <summary>Tags that the cluster must carry.</summary>
    public required IReadOnlyList<string> ClusterCriteria { get; init; }

    /// <summary>Tags that the command must carry.</summary>
    public IReadOnlyList<string> CommandCriteria { get; init; } = ["type:postgres"];

    public string? Version { get; init; }

    public string? Description { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>Of a job for the queue: true for a query whose rows are stored.</summary>
    public bool ReturnResult { get; init; }

    /// <summary>
    /// Of a query: an array for <c>$1</c>, or an object for <c>:name</c>. Numbers keep the digits that the nodes have.
    /// </summary>
    public JsonNode? Parameters { get; init; }

    /// <summary>Of a batch: what <c>:name</c> in the script stands for.</summary>
    public IReadOnlyDictionary<string, string>? Variables { get; init; }

    /// <summary>The same of what nobody sees: they are stored encrypted, and gone when the job has ended.</summary>
    public IReadOnlyDictionary<string, string>? Secrets { get; init; }

    /// <summary>Of the path of a script: its SHA-256. The job runs this script or none.</summary>
    public string? Sha256 { get; init; }

    public bool ReadOnly { get; init; }

    public long? RowLimit { get; init; }

    /// <summary>Of a batch: <c>single</c> or <c>none</c>.</summary>
    public string? Transaction { get; init; }

    /// <summary>Of a batch: <c>stop</c> or <c>continue</c>.</summary>
    public string? OnError { get; init; }

    public int? Priority { get; init; }

    /// <summary>Jobs that come before: ids, or in an array of jobs the place of another one.</summary>
    public JsonArray? After { get; init; }

    public DateTimeOffset? StartAfter { get; init; }

    public DateTimeOffset? StartBefore { get; init; }

    /// <summary>
    /// <c>all</c>: the job has a child for each cluster that matches. <c>any</c>, the default: it runs on one of them.
    /// </summary>
    public string? Target { get; init; }

    /// <summary>With <c>all</c>: how many children may be at work at once.</summary>
    public int? MaxParallel { get; init; }

    /// <summary>With <c>all</c>: so many children run first, and the others only if these succeed.</summary>
    public int? Canary { get; init; }

    /// <summary>With <c>all</c>: no other child begins once so many have failed.</summary>
    public int? StopAfterFailures { get; init; }

    /// <summary>Hooks that are notified when the job ends: <c>[{"hook": "ops", "on": ["FAILED"]}]</c>.</summary>
    public JsonArray? OnEnd { get; init; }

    /// <summary>Further fields of the context, such as <c>timeout_seconds</c>.</summary>
    public JsonObject? Context { get; init; }

    /// <summary>Secrets are in no text of it.</summary>
    public override string ToString() => $"{nameof(HeimdallSubmission)} {Name}";

    internal JsonObject ToJson()
    {
        var context = Context?.DeepClone().AsObject() ?? [];
        context["query"] = Query;
        context["return_result"] = ReturnResult;
        Set(context, "parameters", Parameters?.DeepClone());
        Set(context, "variables", Variables is null && Secrets is null ? null : ToVariables());
        Set(context, "sha256", Sha256);
        Set(context, "read_only", ReadOnly ? true : null);
        Set(context, "row_limit", RowLimit);
        Set(context, "transaction", Transaction);
        Set(context, "on_error", OnError);
        var job = new JsonObject
        {
            ["name"] = Name,
            ["command_criteria"] = ToArray(CommandCriteria),
            ["cluster_criteria"] = ToArray(ClusterCriteria),
            ["context"] = context,
        };
        Set(job, "version", Version);
        Set(job, "description", Description);
        Set(job, "tags", Tags is null ? null : ToArray(Tags));
        Set(job, "priority", Priority);
        Set(job, "after", After?.DeepClone());
        Set(job, "start_after", StartAfter?.ToString("O"));
        Set(job, "start_before", StartBefore?.ToString("O"));
        Set(job, "target", Target);
        Set(job, "max_parallel", MaxParallel);
        Set(job, "canary", Canary);
        Set(job, "stop_after_failures", StopAfterFailures);
        Set(job, "on_end", OnEnd?.DeepClone());
        return job;
    }

    private JsonObject ToVariables()
    {
        var variables = new JsonObject();
        foreach (var (name, value) in Variables ?? new Dictionary<string, string>())
        {
            variables[name] = value;
        }
        foreach (var (name, value) in Secrets ?? new Dictionary<string, string>())
        {
            variables[name] = new JsonObject { ["value"] = value, ["secret"] = true };
        }
        return variables;
    }

    private static JsonArray ToArray(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode?)text)];

    private static void Set(JsonObject target, string name, JsonNode? value)
    {
        if (value is not null)
        {
            target[name] = value;
        }
    }
}
