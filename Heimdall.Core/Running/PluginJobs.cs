using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>Jobs as their plugins see them.</summary>
internal sealed class PluginJobs(LiveCatalog catalog, ClusterContexts contexts, PluginCatalog plugins)
{
    /// <summary>Whether running a job once more does no harm. Of a command that is gone nobody says so.</summary>
    public bool IsIdempotent(Job job) => catalog.Current.FindCommandOfJob(job.CommandId) is { Idempotent: true };

    /// <exception cref="JobFailedException">There is none any more.</exception>
    public IPlugin PluginOf(Job job) => FindPlugin(job)
        ?? throw new JobFailedException(JobFailureKind.Refused, $"Command '{job.CommandId}' no longer exists, or its plugin is not part of this process.");

    public IPlugin? FindPlugin(Job job) =>
        catalog.Current.FindCommandOfJob(job.CommandId) is { } command ? plugins.Find(command.Plugin) : null;

    public PluginJob Of(Job job, IResultWriter? results) => new()
    {
        Id = job.Id,
        Attempt = job.Attempt,
        TargetCluster = contexts.Resolve(job.ClusterId),
        CommandContext = catalog.Current.FindCommandOfJob(job.CommandId)?.Context ?? [],
        Context = job.Context,
        Resume = job.Resume,
        Approved = job.Approval?.Content,
        IsInline = job.IsSync,
        Results = results,
    };
}
