using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Secrets;
using Heimdall.Core.Telemetry;

namespace Heimdall.Core.Submission;

/// <summary>Takes jobs in: routes them, checks them, writes them down.</summary>
public sealed class JobSubmitter(
    JobRouter router,
    PluginCatalog plugins,
    ClusterContexts contexts,
    QueueDepths depths,
    JobQueue queue,
    JobMetrics metrics,
    HookBook hooks,
    JobContents contents,
    JobIds ids,
    SecretBox box,
    HeimdallConfig config)
{
    /// <summary>So much may the contexts of the children of a request take: each has its own in the store.</summary>
    public const long MostContextBytes = 64 * 1024 * 1024;

    /// <summary>
    /// Finds a command and a cluster for a job and reads its context. Records nothing.
    /// </summary>
    /// <param name="submission">What is asked for.</param>
    /// <param name="mayWait">Whether a cluster will do that does not answer just now.</param>
    /// <returns>The pair with the job to record and what its plugin made of it, or why there is no pair.</returns>
    /// <exception cref="JobRefusedException">The plugin cannot run what the context says.</exception>
    public (RoutingResult Routing, PreparedJob? Prepared) Prepare(JobSubmission submission, bool mayWait = false)
    {
        submission = WithSecrets(submission);
        if (submission.FanOut is not null)
        {
            return PrepareForAll(submission);
        }
        var routing = router.Route(submission.ToRoutingRequest(mayWait));
        if (!routing.IsFound)
        {
            return (routing, null);
        }
        var plan = Plan(submission, routing.Command, routing.Cluster);
        var job = ToJob(box, ids.Next(), submission, routing.Command, routing.Cluster, plan) with
        {
            OnEnd = hooks.OfJob(submission.OnEnd, routing.Command, routing.Cluster),
        };
        return (routing, new PreparedJob(job, plan));
    }

    /// <summary>The same of a job for all clusters that match: a parent, and a child for each cluster.</summary>
    private (RoutingResult Routing, PreparedJob? Prepared) PrepareForAll(JobSubmission submission)
    {
        var routing = router.RouteAll(submission.ToRoutingRequest());
        if (!routing.IsFound)
        {
            return (routing.Refusal, null);
        }
        var contextBytes = CheckSize(routing.Targets.Count, submission.WholeContext, config);
        var planned = routing.Targets.Select(target => (
            target.Cluster,
            Plan: Plan(submission, routing.Command, target.Cluster)))
            .ToArray();
        var (first, plan) = planned[0];
        var parent = ToParent(
            ToJob(box, ids.Next(), submission, routing.Command, first, plan), submission.FanOut!, planned.Length) with
        {
            OnEnd = hooks.OfJob(submission.OnEnd, routing.Command, [.. planned.Select(one => one.Cluster)]),
        };
        return (RoutingResult.Found(routing.Command, first), new PreparedJob(parent, plan)
        {
            ContextBytes = contextBytes,
            Children =
            [
                .. planned.Index().Select(one => ToJob(
                    box, ids.Next(), submission, routing.Command, one.Item.Cluster, one.Item.Plan) with
                {
                    ParentId = parent.Id,
                    IsHeld = one.Index >= parent.FanOut!.First,
                }),
            ],
        });
    }

    /// <returns>How many bytes the contexts of the children take.</returns>
    /// <exception cref="JobRefusedException">
    /// A job would have more children than this server allows, or these would be too large together.
    /// </exception>
    internal static long CheckSize(int targets, JsonObject context, HeimdallConfig config)
    {
        if (targets > config.Server.MaxTargets)
        {
            throw new JobRefusedException(
                "target",
                $"{targets} clusters match, and this server allows {config.Server.MaxTargets} (server.max_targets). "
                + "Narrow cluster_criteria.")
            {
                IsWithinContext = false,
            };
        }
        var bytes = targets * (long)Encoding.UTF8.GetByteCount(context.ToJsonString());
        return bytes <= MostContextBytes
            ? bytes
            : throw new JobRefusedException(
                "context", $"{targets} clusters match, and each would have a copy: {TellTooLarge(bytes)}")
            {
                IsWithinContext = false,
            };
    }

    /// <summary>Why the contexts of children are refused, and what to do.</summary>
    public static string TellTooLarge(long bytes)
    {
        const int Mebibyte = 1024 * 1024;
        return $"{bytes / Mebibyte} MiB, of which {MostContextBytes / Mebibyte} are taken at once. "
            + "Put the SQL into a script file.";
    }

    /// <summary>The job that stands for its children: it is on no cluster, and runs from the beginning.</summary>
    internal static Job ToParent(Job job, FanOut asked, int children) => job with
    {
        Status = job.Approval is null ? JobStatus.Running : JobStatus.WaitingForApproval,
        ClusterId = "",
        ClusterName = "",
        FanOut = asked with { Total = children },
        Secrets = null,
        SealedSecrets = null, // each child has its own
    };

    /// <summary>True when with so many more jobs a caller would have more waiting than the server allows.</summary>
    public async Task<bool> IsQueueFullAsync(string user, int more, CancellationToken cancellationToken) =>
        !await depths.TryAddAsync(user, more, cancellationToken);

    /// <summary>Records jobs that workers will run: all of them or none.</summary>
    /// <returns>Null when the key is taken; then none is recorded.</returns>
    /// <exception cref="JobRefusedException">What one would run cannot be approved.</exception>
    public async Task<IReadOnlyList<Job>?> EnqueueAsync(
        IReadOnlyList<Job> prepared, IdempotencyKey? key, CancellationToken cancellationToken)
    {
        var recorded = await queue.EnqueueAsync(
            await contents.PinAsync(prepared, cancellationToken), key, cancellationToken);
        metrics.Submitted(recorded ?? []);
        return recorded;
    }

    /// <exception cref="JobRefusedException">They cannot be read any more.</exception>
    private JobSubmission WithSecrets(JobSubmission submission)
    {
        if (submission.Secrets is not null || JobSecrets.NamesIn(submission.Context) is not { Count: > 0 } names)
        {
            return submission;
        }
        try
        {
            return submission.SealedSecrets is { } secrets
                ? submission with { Secrets = JobSecrets.Read(box.Open(secrets)) }
                : throw new JobRefusedException(
                    "context", $"Its secrets ({string.Join(", ", names)}) are gone. Put them anew.");
        }
        catch (SecretLostException lost)
        {
            throw new JobRefusedException(
                "context", $"Its secrets ({string.Join(", ", names)}) cannot be read. {lost.Message} Put them anew.");
        }
    }

    private JobPlan Plan(JobSubmission submission, Command command, Cluster cluster)
    {
        try
        {
            return plugins.Get(command.Plugin)
                .Plan(command.Context, submission.WholeContext, contexts.FindWritten(cluster.Id));
        }
        catch (JobRefusedException refused) when (submission.Secrets is not null)
        {
            throw submission.Secrets.Redact(refused);
        }
    }

    /// <summary>A new job, as it is recorded.</summary>
    internal static Job ToJob(
        SecretBox box, Guid id, JobSubmission submission, Command command, Cluster cluster, JobPlan plan) => new()
        {
            Id = id,
            Name = submission.Name,
            Version = submission.Version,
            Description = submission.Description,
            Tags = submission.Tags,
            User = submission.User,
            Status = command.Approval is null ? JobStatus.Accepted : JobStatus.WaitingForApproval,
            Approval = command.Approval is { } approval
                ? new JobApproval { AskedBy = submission.Askers, Expires = approval.Time }
                : null,
            IsSync = false,
            ReturnResult = plan.ReturnResult,
            CommandId = command.Id,
            CommandName = command.Name,
            ClusterId = cluster.Id,
            ClusterName = cluster.Name,
            CommandCriteria = submission.CommandCriteria,
            ClusterCriteria = submission.ClusterCriteria,
            Context = submission.Context,
            Secrets = submission.Secrets,
            SealedSecrets = submission.Secrets is { } secrets ? box.Seal(Job.OwnerOfSecrets(id), secrets.ToJson()) : null,
            Priority = submission.Priority,
            After = submission.After,
            StartAfter = submission.StartAfter,
            StartBefore = submission.StartBefore,
            Traceparent = TraceContext.OfRequest(),
        };
}
