using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;

namespace Heimdall.Core.Submission;

/// <summary>What a caller asks for.</summary>
public sealed record JobSubmission
{
    public required string Name { get; init; }

    public required string Version { get; init; }

    public string Description { get; init; } = "";

    public IReadOnlyList<string> Tags { get; init; } = [];

    public required IReadOnlyList<string> CommandCriteria { get; init; }

    public required IReadOnlyList<string> ClusterCriteria { get; init; }

    /// <summary>Without the values of <see cref="Secrets"/>.</summary>
    public required JsonObject Context { get; init; }

    /// <summary>The secrets among its parameters.</summary>
    public JobSecrets? Secrets { get; init; }

    /// <summary>The same as a schedule has stored them; they are opened when the job is prepared.</summary>
    public SealedText? SealedSecrets { get; init; }

    /// <summary>The context as its plugin is to see it.</summary>
    public JsonObject WholeContext => Secrets?.Reveal(Context) ?? Context;

    /// <summary>Of the caller's waiting jobs the one with the highest comes first: -100 to 100.</summary>
    public int Priority { get; init; }

    /// <summary>The jobs that must have ended before, each in the given way.</summary>
    public IReadOnlyList<JobPredecessor> After { get; init; } = [];

    /// <summary>When the job may start at the earliest.</summary>
    public DateTime? StartAfter { get; init; }

    /// <summary>When it is too late to start the job.</summary>
    public DateTime? StartBefore { get; init; }

    /// <summary>Of a job for all clusters that match: how its children are run; null: one cluster is taken.</summary>
    public FanOut? FanOut { get; init; }

    /// <summary>
    /// The hooks that are notified when the job ends, beside those of its command and those that subscribe.
    /// </summary>
    public IReadOnlyList<EndHook> OnEnd { get; init; } = [];

    public required string User { get; init; }

    /// <summary>Others who have a hand in it; see <see cref="RoutingRequest.Askers"/>.</summary>
    public IReadOnlyList<string> Askers { get; init; } = [];

    /// <summary>Where the caller may run jobs; null: everywhere.</summary>
    public IReadOnlyList<TagScope>? Scopes { get; init; }

    internal RoutingRequest ToRoutingRequest(bool mayWait = false) =>
        new(CommandCriteria, ClusterCriteria, User, mayWait) { Askers = Askers, Scopes = Scopes };
}
