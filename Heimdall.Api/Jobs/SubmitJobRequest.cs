using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Hooks;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>The body of <c>POST /api/v1/job</c>. A client can set nothing else.</summary>
internal sealed record SubmitJobRequest
{
    [Required]
    [MaxLength(SubmitJobValidator.MaxName)]
    public string? Name { get; init; }

    [MaxLength(SubmitJobValidator.MaxVersion)]
    public string? Version { get; init; }

    [MaxLength(SubmitJobValidator.MaxDescription)]
    public string? Description { get; init; }

    [MaxLength(SubmitJobValidator.MaxTags)]
    public string[]? Tags { get; init; }

    /// <summary>Tags that the command must carry.</summary>
    [Required]
    [MinLength(1)]
    [MaxLength(SubmitJobValidator.MaxTags)]
    public string[]? CommandCriteria { get; init; }

    /// <summary>Tags that the cluster must carry.</summary>
    [Required]
    [MinLength(1)]
    [MaxLength(SubmitJobValidator.MaxTags)]
    public string[]? ClusterCriteria { get; init; }

    /// <summary>What the command's plugin needs: the query and how to run it.</summary>
    [Required]
    [JobContext]
    public JsonObject? Context { get; init; }

    /// <summary>Of the caller's waiting jobs the one with the highest comes first: -100 to 100, by default 0.</summary>
    [Range(JobPriority.Lowest, JobPriority.Highest)]
    public int? Priority { get; init; }

    /// <summary>
    /// The jobs that must have ended before: ids, places in the same array of jobs, or objects with <c>job</c> and
    /// <c>on</c>.
    /// </summary>
    [After]
    public JsonArray? After { get; init; }

    /// <summary>When the job may start at the earliest: a job of the queue waits until then.</summary>
    public DateTimeOffset? StartAfter { get; init; }

    /// <summary>When it is too late to start the job: a job of the queue that waits then is not run.</summary>
    public DateTimeOffset? StartBefore { get; init; }

    /// <summary>The hooks that are notified when the job ends.</summary>
    [MaxLength(OnEndRules.Most)]
    public OnEndView[]? OnEnd { get; init; }

    /// <summary>
    /// On how many of the clusters that match: <c>any</c> (default: one of them) or <c>all</c> (one job for each).
    /// </summary>
    [Words(SubmitJobRequestReader.Any, SubmitJobRequestReader.All)]
    public string? Target { get; init; }

    /// <summary>With <c>target: all</c>, how many of its jobs may be at work at once; by default all.</summary>
    [Range(1, int.MaxValue)]
    public int? MaxParallel { get; init; }

    /// <summary>With <c>target: all</c>, so many of its jobs run first, and the others only if these succeed.</summary>
    [Range(1, int.MaxValue)]
    public int? Canary { get; init; }

    /// <summary>With <c>target: all</c>, no other one of its jobs begins once so many have failed.</summary>
    [Range(1, int.MaxValue)]
    public int? StopAfterFailures { get; init; }

    /// <summary>
    /// What becomes of a job that has not ended within the N seconds of <c>Prefer: wait=N</c>: <c>continue</c> (default)
    /// or <c>cancel</c>.
    /// </summary>
    [Words(SubmitJobRequestReader.Continue, SubmitJobRequestReader.Cancel)]
    public string? OnWaitTimeout { get; init; }

    /// <summary>True to be told what the job would do: it is not run and not recorded.</summary>
    public bool? DryRun { get; init; }

    /// <summary><see cref="OnEnd"/> as it was read.</summary>
    internal IReadOnlyList<OnEndConfig> Hooks { get; init; } = [];

    /// <summary><see cref="After"/> as it was read.</summary>
    internal IReadOnlyList<AfterEntry> Predecessors { get; init; } = [];

    /// <summary>Of a request that has been found right. Places in an array of jobs have no ids yet.</summary>
    /// <exception cref="JobRefusedException">What is marked as a secret is none that can be kept.</exception>
    public JobSubmission ToSubmission(Caller caller)
    {
        var (context, secrets) = JobSecrets.Split(Context!);
        return ToSubmission(caller, context) with { Secrets = secrets };
    }

    private JobSubmission ToSubmission(Caller caller, JsonObject context) => new()
    {
        Name = Name!,
        Version = Version ?? "",
        Description = Description ?? "",
        Tags = Tags ?? [],
        CommandCriteria = CommandCriteria ?? [],
        ClusterCriteria = ClusterCriteria ?? [],
        Context = context,
        Priority = Priority ?? 0,
        After = [.. Predecessors.Where(entry => entry.Job is not null).Select(entry => new JobPredecessor(entry.Job!.Value, entry.On))],
        StartAfter = StartAfter?.UtcDateTime,
        StartBefore = StartBefore?.UtcDateTime,
        FanOut = Target == SubmitJobRequestReader.All
            ? new FanOut { MaxParallel = MaxParallel, Canary = Canary, StopAfterFailures = StopAfterFailures }
            : null,
        OnEnd = OnEndField.ToHooks(Hooks),
        User = caller.Name,
        Scopes = caller.Rights.ScopesOf(Right.Submit, ofOthers: false),
    };

    /// <summary>What it asks for and the command does not allow.</summary>
    public ContextProblem? FindProblem(Command command, string place = "") => Priority > command.MaxPriority
        ? new(place.Length == 0 ? "priority" : $"{place}.priority", $"At most {command.MaxPriority}: command '{command.Id}' allows no more.")
        : null;

    /// <summary>The fields that only a job of the queue can have.</summary>
    public IEnumerable<ContextProblem> FindQueueFields() =>
        new (string Name, object? Value)[]
        {
            ("priority", Priority), ("after", After), ("start_after", StartAfter), ("start_before", StartBefore),
            ("target", Target == SubmitJobRequestReader.All ? Target : null),
        }
            .Where(field => field.Value is not null)
            .Select(field => new ContextProblem(
                field.Name, "Goes only with a job that waits in the queue: a batch, or a query with 'Prefer: respond-async' or 'Prefer: wait=N'."));
}

/// <summary>The body of <c>POST /api/v1/resolve</c>, for its description; it may have more of a submission.</summary>
internal sealed record ResolveJobRequest
{
    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? Description { get; init; }

    public string[]? Tags { get; init; }

    [MinLength(1)]
    public required string[] CommandCriteria { get; init; }

    [MinLength(1)]
    public required string[] ClusterCriteria { get; init; }

    [JobContext]
    public JsonObject? Context { get; init; }
}
