using System.Text.Json.Nodes;
using Heimdall.Api.Hooks;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Hooks;
using Heimdall.Core.Plugins;
using Heimdall.Core.Schedules;
using Heimdall.Core.Secrets;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Schedules;

/// <summary>
/// Makes a schedule, or replaces what it says, for REST and for the form of its page. Its runs are jobs of who made it.
/// Its commands must allow that user, and who edits it.
/// </summary>
internal sealed class ScheduleEditor(
    ScheduleStore schedules, ScheduleControl control, ScheduleAccess access, JobSubmitter submitter,
    HookBook hooks, SecretBox box)
{
    private static readonly ScheduleConfigValidator Validator = new();

    /// <returns>What is there (null: nothing), and why the caller may not edit it.</returns>
    public async Task<(Schedule? Known, ProblemHttpResult? Refusal)> FindAsync(
        HttpContext context, string id, CancellationToken cancellationToken)
    {
        var known = await schedules.FindAsync(id, cancellationToken);
        return (known, Refuse(context.Caller(), known));
    }

    /// <param name="context">The request.</param>
    /// <param name="id">Of the schedule.</param>
    /// <param name="known">What was found there.</param>
    /// <param name="condition">What the caller takes it to be.</param>
    /// <param name="fields">What it is to say; what is left out gets its default.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <exception cref="JobRefusedException">The plugin cannot run such a job.</exception>
    public async Task<EditedSchedule> EditAsync(
        HttpContext context, string id, Schedule? known, ScheduleCondition condition, JsonFields fields,
        CancellationToken cancellationToken)
    {
        var caller = context.Caller();
        var config = Read(id, caller.Name, fields);
        foreach (var error in Validator.Validate(config).Errors)
        {
            var said = error.ErrorMessage;
            fields.Add(ConfigPath.FromProperty(error.PropertyName), $"{char.ToUpperInvariant(said[0])}{said[1..]}.");
        }
        foreach (var problem in OnEndField.FindUnknown(
            config.OnEnd, hooks, caller, OnEndField.Name, known?.Definition.OnEnd))
        {
            fields.Add(problem.Path, problem.Message);
        }
        if (fields.Problems() is { Count: > 0 } problems)
        {
            return EditedSchedule.Refused(Problem.Invalid(problems));
        }
        var kept = Open(known);
        var definition = ScheduleDefinition.Of(config, kept);
        if (kept is not null && !MayKeep(caller, known!, definition))
        {
            definition = ScheduleDefinition.Of(config); // what was sent anew
        }
        var owner = known?.Definition.User ?? caller.Name;
        var scopes = owner == caller.Name
            ? caller.Rights.ScopesOf(Right.Submit, ofOthers: false)
            : caller.Rights.ScopesOf(Right.ChangeSchedules, ofOthers: true);
        var submission = definition.ToSubmission(startBefore: null) with
        {
            User = owner,
            Askers = [caller.Name],
            Scopes = scopes,
        };
        if (access.RefuseRun(context, submission) is { } forbidden)
        {
            return EditedSchedule.Refused(forbidden);
        }
        // Where nothing matches (yet) the schedule says so. What no plugin can do is refused at once.
        _ = submitter.Prepare(submission);
        // What was found may be kept, and so may not be another by now.
        bool MayChange(Schedule? was) => was?.Definition.User == known?.Definition.User && condition.Allows(was)
            && (definition.Secrets is null || was?.SealedSecrets == known?.SealedSecrets);
        return await control.PutAsync(definition, scopes, MayChange, cancellationToken) is var (schedule, isNew)
            ? new EditedSchedule(schedule, isNew, Refusal: null)
            : EditedSchedule.Refused(ScheduleCondition.Failed(id));
    }

    /// <summary>One's own schedule needs what its jobs need: another role does not make more of them.</summary>
    private static ProblemHttpResult? Refuse(Caller caller, Schedule? known)
    {
        if (known is not null && ScheduleAccess.RefuseChange(caller, known) is { } refusal)
        {
            return refusal;
        }
        var isOwn = known is null || known.Definition.User == caller.Name;
        return isOwn && !caller.Rights.Has(Right.Submit) ? RightsGate.Refuse(Right.Submit) : null;
    }

    /// <summary>
    /// The secrets that an edit may repeat without their values. Those that are lost must be sent anew.
    /// </summary>
    private JobSecrets? Open(Schedule? known)
    {
        try
        {
            return known?.SealedSecrets is { } secrets ? JobSecrets.Read(box.Open(secrets)) : null;
        }
        catch (SecretLostException)
        {
            return null;
        }
    }

    /// <summary>
    /// Who may change what a job does, or where, reads its secrets. Those of a file are nobody's to read, and those
    /// that were put are their owner's.
    /// </summary>
    private static bool MayKeep(Caller caller, Schedule known, ScheduleDefinition definition)
    {
        var was = known.Definition;
        return (!known.IsFromFile && was.User == caller.Name)
            || (JsonNode.DeepEquals(was.Context, definition.Context)
                && was.CommandCriteria.SequenceEqual(definition.CommandCriteria, StringComparer.Ordinal)
                && was.ClusterCriteria.SequenceEqual(definition.ClusterCriteria, StringComparer.Ordinal)
                && was.FanOut == definition.FanOut);
    }

    private static OnEndConfig[] ReadOnEnd(JsonFields fields)
    {
        var (entries, problems) = OnEndField.Read(fields.Array(OnEndField.Name), OnEndField.Name);
        foreach (var problem in problems)
        {
            fields.Add(problem.Path, problem.Message);
        }
        return entries;
    }

    private static ScheduleConfig Read(string id, string user, JsonFields fields)
    {
        var defaults = new ScheduleConfig();
        return new ScheduleConfig
        {
            Id = id,
            Name = fields.Text("name") ?? id,
            Version = fields.Text("version") ?? defaults.Version,
            Description = fields.Text("description") ?? defaults.Description,
            Cron = fields.Text("cron") ?? defaults.Cron,
            Day = fields.Text("day") ?? defaults.Day,
            Timezone = fields.Text("timezone") ?? defaults.Timezone,
            Misfire = fields.Text("misfire") ?? defaults.Misfire,
            MaxLateness = fields.Span("max_lateness"),
            Overlap = fields.Text("overlap") ?? defaults.Overlap,
            StartsAt = fields.Time("starts_at"),
            EndsAt = fields.Time("ends_at"),
            User = user,
            Tags = fields.Texts("tags") ?? defaults.Tags,
            CommandCriteria = fields.Texts("command_criteria") ?? defaults.CommandCriteria,
            ClusterCriteria = fields.Texts("cluster_criteria") ?? defaults.ClusterCriteria,
            Context = fields.Object("context") ?? defaults.Context,
            Target = fields.Text("target") ?? defaults.Target,
            MaxParallel = fields.Number("max_parallel"),
            Canary = fields.Number("canary"),
            StopAfterFailures = fields.Number("stop_after_failures"),
            OnEnd = ReadOnEnd(fields),
        };
    }
}

/// <summary>What came of an edit.</summary>
/// <param name="Schedule">What it says now; null when it was refused.</param>
/// <param name="IsNew">Whether there was none before.</param>
/// <param name="Refusal">Why nothing was changed.</param>
internal sealed record EditedSchedule(Schedule? Schedule, bool IsNew, ProblemHttpResult? Refusal)
{
    public static EditedSchedule Refused(ProblemHttpResult refusal) => new(null, IsNew: false, refusal);
}
