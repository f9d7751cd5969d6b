using System.Text.Json.Nodes;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>The body of <c>POST /api/v1/job</c>. A client can set nothing else.</summary>
internal sealed record SubmitJobRequest
{
    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? Description { get; init; }

    public string[]? Tags { get; init; }

    /// <summary>Tags that the command must carry.</summary>
    public string[]? CommandCriteria { get; init; }

    /// <summary>Tags that the cluster must carry.</summary>
    public string[]? ClusterCriteria { get; init; }

    /// <summary>What the command's plugin needs: the query and how to run it.</summary>
    public JsonObject? Context { get; init; }

    /// <summary>When it is too late to start the job: a job of the queue that waits then is not run.</summary>
    public DateTimeOffset? StartBefore { get; init; }

    /// <summary>True to be told what the job would do: it is not run and not recorded.</summary>
    public bool? DryRun { get; init; }

    /// <summary>Of a request that has been found right.</summary>
    public JobSubmission ToSubmission(string user) => new()
    {
        Name = Name!,
        Version = Version ?? "",
        Description = Description ?? "",
        Tags = Tags ?? [],
        CommandCriteria = CommandCriteria ?? [],
        ClusterCriteria = ClusterCriteria ?? [],
        Context = Context!,
        StartBefore = StartBefore?.UtcDateTime,
        User = user,
    };
}
