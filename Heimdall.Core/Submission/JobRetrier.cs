using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;

namespace Heimdall.Core.Submission;

/// <summary>Makes a new job of one that has ended: on the same cluster, where what it did is, and with the same command.</summary>
public sealed class JobRetrier(
    JobRouter router, PluginCatalog plugins, ClusterContexts contexts, JobStore jobs, FanOuts fanOuts, HookBook hooks,
    LivingProcesses processes, JobIds ids, SecretBox box)
{
    /// <summary>For a person: signs of other languages are not escaped.</summary>
    private static readonly JsonSerializerOptions Readable =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="id">The job to run again.</param>
    /// <param name="user">Who asks; the new job is theirs.</param>
    /// <param name="scopes">Where they may do so; null: everywhere.</param>
    /// <param name="fromStatement">Where in its script to begin; null for the beginning.</param>
    /// <param name="secretValues">The values of its secrets, which went with its end; null for none.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>The old job, and the new one to record or why there is none; null when there is no such job.</returns>
    /// <exception cref="JobRefusedException">The plugin cannot run (any more) what the context says.</exception>
    public async Task<JobRetry?> PrepareAsync(
        Guid id, string user, IReadOnlyList<TagScope>? scopes, long? fromStatement, JsonObject? secretValues,
        CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(id, cancellationToken) is not { } old)
        {
            return null;
        }
        if (!old.Status.IsFinal())
        {
            return new JobRetry { Old = old, Conflict = $"Job {id} is {old.Status.ToName()}; only one that has ended can be run again." };
        }
        if (secretValues is null && JobSecrets.NamesIn(old.Context) is { Count: > 0 } names)
        {
            var asked = new JsonObject(names.Select(name => KeyValuePair.Create(name, (JsonNode?)"…")))
                .ToJsonString(Readable);
            return new JobRetry
            {
                Old = old,
                Conflict = $"The secrets of job {id} went with its end. Send them anew: {{\"secrets\": {asked}}}.",
            };
        }
        var secrets = JobSecrets.Renew(old.Context, secretValues);
        if (old.FanOut is not null)
        {
            return fromStatement is null
                ? await PrepareChildrenAsync(old, secrets, user, scopes, cancellationToken)
                : new JobRetry
                {
                    Old = old,
                    Conflict = $"Job {id} is a parent and has no statements; retry its children from theirs.",
                };
        }
        var routing = router.Route(new RoutingRequest([$"_id:{old.CommandId}"], [$"_id:{old.ClusterId}"], user)
        {
            Scopes = scopes,
        });
        if (!routing.IsFound)
        {
            return new JobRetry { Old = old, Routing = routing };
        }
        var plugin = plugins.Get(routing.Command.Plugin);
        var plan = Plan(old, secrets, routing.Command, routing.Cluster);
        ResumePoint? resume = null;
        if (fromStatement is { } statement)
        {
            if (FindOldProblem(old) is { } problem)
            {
                return new JobRetry { Old = old, Conflict = problem };
            }
            resume = new ResumePoint(statement, ResumePoint.HashOf(old.Progress.Sha256!, old.Progress.Files));
            if (await plugin.FindResumeProblemAsync(
                routing.Command.Context, secrets?.Reveal(old.Context) ?? old.Context, resume,
                cancellationToken) is { } conflict)
            {
                return new JobRetry { Old = old, Conflict = conflict };
            }
            if (old.Progress.CanResume == false)
            {
                return new JobRetry
                {
                    Old = old,
                    Conflict = $"Job {old.Id} ran its script in a way that cannot begin in the middle: its statements "
                        + "would be counted otherwise, or part of one may be done. Leave out from_statement to run it "
                        + "as a whole.",
                };
            }
        }
        var left = await FindLeftHooksAsync(old, cancellationToken);
        var job = ToNewJob(old, secrets, user, routing.Command, routing.Cluster, plan, resume);
        return new JobRetry
        {
            Old = old,
            New = [job with { OnEnd = hooks.OfJob(Without(left, old), routing.Command, routing.Cluster) }],
            LeftHooks = left,
        };
    }

    /// <summary>A new parent, with a new child for each one that did not succeed.</summary>
    private async Task<JobRetry> PrepareChildrenAsync(
        Job old, JobSecrets? secrets, string user, IReadOnlyList<TagScope>? scopes, CancellationToken cancellationToken)
    {
        var failed = (await fanOuts.ReadChildrenAsync(old.Id, cancellationToken))
            .Where(child => child.Status != JobStatus.Succeeded).ToArray();
        if (failed.Length == 0)
        {
            return new JobRetry { Old = old, Conflict = $"All children of job {old.Id} have succeeded." };
        }
        var prepared = new List<Job>();
        var clusters = new List<Cluster>();
        Command? command = null;
        var parentId = ids.Next();
        foreach (var child in failed)
        {
            var routing = router.Route(
                new RoutingRequest([$"_id:{old.CommandId}"], [$"_id:{child.ClusterId}"], user, MayWait: true)
                {
                    Scopes = scopes,
                });
            if (!routing.IsFound)
            {
                return new JobRetry { Old = old, Routing = routing };
            }
            var plan = Plan(old, secrets, routing.Command, routing.Cluster);
            prepared.Add(ToNewJob(old, secrets, user, routing.Command, routing.Cluster, plan, resume: null) with
            {
                ParentId = parentId,
                RetryOf = child.Id,
                IsHeld = prepared.Count >= (old.FanOut! with { Total = failed.Length }).First,
            });
            clusters.Add(routing.Cluster);
            command = routing.Command;
        }
        var left = await FindLeftHooksAsync(old, cancellationToken);
        var parent = JobSubmitter.ToParent(
            prepared[0] with { Id = parentId, ParentId = null, RetryOf = old.Id, IsHeld = false }, old.FanOut!.Asked,
            prepared.Count) with
        {
            OnEnd = hooks.OfJob(Without(left, old), command!, clusters), // of the children it says how they ended
        };
        return new JobRetry { Old = old, New = [parent, .. prepared], LeftHooks = left };
    }

    /// <summary>Hooks of a job that no file has any more: nobody would send to them.</summary>
    private async Task<IReadOnlyList<string>> FindLeftHooksAsync(Job old, CancellationToken cancellationToken)
    {
        string[] unknown = [.. old.OnEnd.Select(hook => hook.Hook).Where(hook => hooks.Find(hook) is null)];
        return unknown.Length == 0 ? [] : await processes.FindHooksOfNoFileAsync(unknown, cancellationToken);
    }

    private static EndHook[] Without(IReadOnlyList<string> left, Job old) =>
        [.. old.OnEnd.Where(hook => !left.Contains(hook.Hook))];

    private static string? FindOldProblem(Job old) => old switch
    {
        { Progress.ResumeFrom: null } => $"Job {old.Id} was no batch with transaction: none, or has not begun: there is nothing to go on with. Leave out from_statement to run it as a whole.",
        { Progress.Sha256: null } => $"What job {old.Id} ran is not known (it has no sha256), so its statements cannot "
            + "be compared with those of the script as it is now.",
        _ => null,
    };

    private JobPlan Plan(Job old, JobSecrets? secrets, Command command, Cluster cluster)
    {
        try
        {
            return plugins.Get(command.Plugin).Plan(
                command.Context, secrets?.Reveal(old.Context) ?? old.Context, contexts.FindWritten(cluster.Id));
        }
        catch (JobRefusedException refused) when (secrets is not null)
        {
            throw secrets.Redact(refused);
        }
    }

    /// <summary>Whose SQL it is does not change with who runs it again.</summary>
    private static string[] AskersOf(Job old, string user) =>
    [
        .. ((string[])[old.User, .. old.Approval?.AskedBy ?? []])
            .Where(asker => !asker.Equals(user, StringComparison.OrdinalIgnoreCase)).Distinct(),
    ];

    private Job ToNewJob(
        Job old, JobSecrets? secrets, string user, Command command, Cluster cluster, JobPlan plan, ResumePoint? resume)
    {
        var again = new JobSubmission
        {
            Name = old.Name,
            Version = old.Version,
            Description = old.Description,
            Tags = old.Tags,
            CommandCriteria = old.CommandCriteria,
            ClusterCriteria = old.ClusterCriteria,
            Context = old.Context,
            Secrets = secrets,
            Priority = old.Priority,
            User = user,
        };
        var job = JobSubmitter.ToJob(box, ids.Next(), again, command, cluster, plan);
        return job with
        {
            Approval = job.Approval is { } approval ? approval with { AskedBy = AskersOf(old, user) } : null,
            RetryOf = old.Id,
            Resume = resume,
        };
    }
}

/// <summary>What became of the wish to run a job again: one of the last three.</summary>
public sealed record JobRetry
{
    public required Job Old { get; init; }

    /// <summary>To be recorded: one job, or a parent and its children. Empty when it cannot be.</summary>
    public IReadOnlyList<Job> New { get; init; } = [];

    /// <summary>Hooks of the old job that are left out: no file has them any more.</summary>
    public IReadOnlyList<string> LeftHooks { get; init; } = [];

    /// <summary>What about the old job stands in the way.</summary>
    public string? Conflict { get; init; }

    /// <summary>Its command and cluster do not take it.</summary>
    public RoutingResult? Routing { get; init; }
}
