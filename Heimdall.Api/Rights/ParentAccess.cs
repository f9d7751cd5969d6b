using Heimdall.Core.Jobs;

namespace Heimdall.Api.Rights;

/// <summary>
/// What callers learn of clusters from their own parents. The rows and errors of a parent are its children's, and a
/// caller may not see some of these any more.
/// </summary>
internal static class ParentAccess
{
    /// <summary>Stands for what a parent says of its children.</summary>
    public const string Hidden = "Some of its children are on clusters that you may not see. GET /api/v1/jobs?parent="
        + "{id} lists the others; each has its own result and error.";

    /// <summary>Whether they see all children of a job. It may have none.</summary>
    public static async Task<bool> SeesChildrenAsync(
        this CallerRights rights, FanOuts fanOuts, Job job, CancellationToken cancellationToken) =>
        await SeesChildrenAsync(rights, fanOuts, job.Id, PlaceOf(job), cancellationToken);

    /// <summary>The same of a job of which the rest is not known.</summary>
    public static async Task<bool> SeesChildrenAsync(
        this CallerRights rights, FanOuts fanOuts, Guid id, JobPlace place, CancellationToken cancellationToken) =>
        (await FindHiddenAsync(rights, fanOuts, [(id, place)], cancellationToken)).Count == 0;

    /// <summary>A job without what it tells of children that the caller does not see.</summary>
    public static async Task<Job> TellAsync(
        this CallerRights rights, FanOuts fanOuts, Job job, CancellationToken cancellationToken) =>
        (await TellAsync(rights, fanOuts, [job], cancellationToken))[0];

    /// <summary>The same of many jobs.</summary>
    public static async Task<IReadOnlyList<Job>> TellAsync(
        this CallerRights rights, FanOuts fanOuts, IReadOnlyList<Job> jobs, CancellationToken cancellationToken)
    {
        var hidden = await FindHiddenAsync(
            rights, fanOuts, [.. jobs.Where(job => job.Failure is not null).Select(job => (job.Id, PlaceOf(job)))],
            cancellationToken);
        return hidden.Count == 0
            ? jobs
            : [.. jobs.Select(job => hidden.Contains(job.Id)
                ? job with { Failure = job.Failure! with { Message = Hidden, Errors = [] } }
                : job)];
    }

    /// <summary>The parents among some jobs with a child that the caller does not see.</summary>
    private static async Task<HashSet<Guid>> FindHiddenAsync(
        CallerRights rights, FanOuts fanOuts, IReadOnlyList<(Guid Id, JobPlace Place)> jobs,
        CancellationToken cancellationToken)
    {
        Guid[] parents =
        [
            .. jobs.Where(job => job.Place.ClusterId.Length == 0 && !rights.OverAnywhere(Right.SeeJobs, job.Place))
                .Select(job => job.Id),
        ];
        if (parents.Length == 0)
        {
            return [];
        }
        var places = await fanOuts.FindPlacesAsync(parents, cancellationToken);
        return [.. places.Where(child => !rights.Over(Right.SeeJobs, child.Place)).Select(child => child.Parent)];
    }

    private static JobPlace PlaceOf(Job job) => new(job.User, job.CommandId, job.ClusterId);
}
