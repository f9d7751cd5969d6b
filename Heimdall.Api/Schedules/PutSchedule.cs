using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Cron;
using Heimdall.Core.Schedules;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Schedules;

/// <summary>
/// <c>PUT /api/v1/schedule/{id}</c>: what the schedule says from now on; what is left out gets its default. Its runs
/// are jobs of who made it. Its commands must allow that user, and who edits it.
/// </summary>
internal static class PutSchedule
{
    private static readonly ScheduleConfigValidator Validator = new();

    public static async Task<IResult> HandleAsync(
        string id, HttpContext context, ScheduleStore schedules, ScheduleControl control, ScheduleAccess access,
        JobSubmitter submitter, ScheduleViews views, CancellationToken cancellationToken)
    {
        var caller = context.Caller();
        var known = await schedules.FindAsync(id, cancellationToken);
        if (Refuse(caller, known) is { } refusal)
        {
            return refusal;
        }
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("schedule");
        }
        if (ScheduleCondition.Read(context.Request) is not { } condition)
        {
            return ScheduleCondition.Unreadable();
        }
        var fields = await JsonFields.ReadAsync(context.Request, cancellationToken);
        var config = Read(id, caller.Name, fields);
        foreach (var error in Validator.Validate(config).Errors)
        {
            fields.Add(ConfigPath.FromProperty(error.PropertyName), $"{char.ToUpperInvariant(error.ErrorMessage[0])}{error.ErrorMessage[1..]}.");
        }
        if (fields.Problems() is { Count: > 0 } problems)
        {
            return Problem.Invalid(problems);
        }
        var definition = ScheduleDefinition.Of(config);
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
            return forbidden;
        }
        // Where nothing matches (yet) the schedule says so. What no plugin can do is refused at once.
        _ = submitter.Prepare(submission);
        bool MayChange(Schedule? was) => was?.Definition.User == known?.Definition.User && condition.Allows(was);
        if (await control.PutAsync(definition, scopes, MayChange, cancellationToken) is not var (schedule, isNew))
        {
            return ScheduleCondition.Failed(id);
        }
        if (isNew)
        {
            context.Response.Headers.Location = context.Request.PublicPathOf($"/api/v1/schedule/{id}");
        }
        return await views.AnswerAsync(context, schedule, cancellationToken, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
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
        };
    }
}

/// <summary>The body of <c>PUT /api/v1/schedule/{id}</c>, for its description.</summary>
internal sealed record PutScheduleRequest(
    string? Name, string? Version, string? Description, string Cron,
    [property: OneOf("DayRule", typeof(DayRule))] string? Day, string? Timezone,
    [property: OneOf("MisfireRule", typeof(MisfireRule))] string? Misfire, string? MaxLateness,
    [property: OneOf("OverlapRule", typeof(OverlapRule))] string? Overlap, DateTimeOffset? StartsAt,
    DateTimeOffset? EndsAt, string[]? Tags, string[] CommandCriteria, string[] ClusterCriteria,
    [property: JobContext] JsonObject Context);
