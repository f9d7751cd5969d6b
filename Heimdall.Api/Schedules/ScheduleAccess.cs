using Heimdall.Api.Jobs;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Schedules;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Schedules;

/// <summary>What callers may do with schedules. One that they may not see is not there for them.</summary>
internal sealed class ScheduleAccess(ScheduleStore schedules, JobPreviewer previewer)
{
    /// <summary>Those that a caller sees, by their ids.</summary>
    public async Task<IReadOnlyList<Schedule>> ListAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var caller = context.Caller();
        var listed = caller.Rights.HasForOthers(Right.SeeSchedules)
            ? await schedules.ListAsync(cancellationToken)
            : await schedules.ListOwnAsync(caller.Name, cancellationToken);
        return [.. listed.Where(schedule => caller.Rights.Over(Right.SeeSchedules, schedule))];
    }

    public async Task<Schedule?> FindAsync(HttpContext context, string id, CancellationToken cancellationToken) =>
        await schedules.FindAsync(id, cancellationToken) is { } schedule
        && context.Caller().Rights.Over(Right.SeeSchedules, schedule)
            ? schedule
            : null;

    /// <param name="context">The request.</param>
    /// <param name="id">Of the schedule.</param>
    /// <param name="runs">Whether the change lets it run: then its commands must allow the caller too.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>404 or 403; null where the caller may change the schedule so.</returns>
    public async Task<ProblemHttpResult?> RefuseAsync(
        HttpContext context, string id, bool runs, CancellationToken cancellationToken)
    {
        if (await FindAsync(context, id, cancellationToken) is not { } schedule)
        {
            return ScheduleEndpoints.Unknown(id);
        }
        var caller = context.Caller();
        if (RefuseChange(caller, schedule) is { } refusal)
        {
            return refusal;
        }
        var isOwn = schedule.Definition.User == caller.Name; // what it may not run then, it is refused when it runs
        return runs && !isOwn ? RefuseRun(context, schedule.ToSubmission(startBefore: null, caller.Name)) : null;
    }

    /// <summary>403 where a schedule is not the caller's to change.</summary>
    public static ProblemHttpResult? RefuseChange(Caller caller, Schedule schedule) =>
        caller.Rights.Over(Right.ChangeSchedules, schedule) ? null
        : RightsGate.Refuse(Right.ChangeSchedules, caller.Rights.Over(Right.SeeSchedules, schedule)
            ? $"Schedule '{schedule.Id}' is of user '{schedule.Definition.User}'."
            : $"The id '{schedule.Id}' is another schedule's.");

    /// <summary>403 where the commands of a job do not allow all who have a hand in it.</summary>
    public ProblemHttpResult? RefuseRun(HttpContext context, JobSubmission submission)
    {
        var routing = previewer.Route(submission);
        return routing.Outcome == RoutingOutcome.NotAllowed
            ? RoutingProblem.Of(context, routing.Outcome, routing.Reason!)
            : null;
    }
}
