using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Rights;

/// <summary>What a caller may do, and with what, by their roles as the catalog is now.</summary>
internal sealed class CallerRights(string user, IReadOnlyList<Grant> grants, CatalogSnapshot catalog)
{
    private readonly Dictionary<(Right Right, bool Own), TagScope[]> _scopes = [];

    public IReadOnlyList<Grant> Grants => grants;

    /// <summary>The jobs that they see.</summary>
    public JobSight Jobs => JobsFor(Right.SeeJobs);

    /// <summary>The jobs for which they have a right.</summary>
    public JobSight JobsFor(Right right) => new(
        user,
        [.. Scopes(right, own: true).Select(scope => PlacesOf(scope, noCluster: [""]))],
        [.. Scopes(right, own: false).Select(scope => PlacesOf(scope, noCluster: []))]);

    /// <summary>Whether they have a right for anything at all.</summary>
    public bool Has(Right right) => right is Right.None or Right.Known
        || (AccessTable.HoldersOf(right).EverywhereOnly
            ? HasEverywhere(right)
            : Scopes(right, own: true).Length + Scopes(right, own: false).Length > 0);

    /// <summary>Whether they have a right for whatever there is of anybody.</summary>
    public bool HasEverywhere(Right right) => Scopes(right, own: false).Any(scope => scope.IsEverywhere);

    /// <summary>Whether they have a right for anything that is not their own.</summary>
    public bool HasForOthers(Right right) => Scopes(right, own: false).Length > 0;

    public bool Sees(Command command) => Scopes(Right.SeeCatalog, own: false).Any(scope => scope.Holds(command));

    public bool Sees(Cluster cluster) => Scopes(Right.SeeCatalog, own: false).Any(scope => scope.Holds(cluster));

    /// <summary>Whether they may stop all jobs of a command: a role for some clusters only is not enough.</summary>
    public bool Controls(Command command) =>
        Scopes(Right.ControlQueue, own: false).Any(scope => scope.ClusterTags.Count == 0 && scope.Holds(command));

    /// <summary>Whether they may stop all jobs of a cluster: a role for some commands only is not enough.</summary>
    public bool Controls(Cluster cluster) =>
        Scopes(Right.ControlQueue, own: false).Any(scope => scope.CommandTags.Count == 0 && scope.Holds(cluster));

    public bool Over(Right right, Job job) => Over(right, new JobPlace(job.User, job.CommandId, job.ClusterId));

    public bool Over(Right right, JobPlace job) =>
        (job.Owner == user
            && Scopes(right, own: true)
                .Any(scope => Holds(job.ClusterId.Length == 0 ? scope with { ClusterTags = [] } : scope, job)))
        || Scopes(right, own: false).Any(scope => Holds(scope, job));

    /// <summary>Whether they have a right over a job on any cluster: over all children of a parent too.</summary>
    public bool OverAnywhere(Right right, JobPlace job) =>
        Scopes(right, own: false).Concat(job.Owner == user ? Scopes(right, own: true) : [])
            .Any(scope => scope.ClusterTags.Count == 0 && Holds(scope, job));

    /// <summary>
    /// Of a schedule, each command and cluster that it could run with now counts. One that could run with none is its
    /// owner's, and theirs who have the right everywhere.
    /// </summary>
    public bool Over(Right right, Schedule schedule)
    {
        if (HasEverywhere(right))
        {
            return true;
        }
        var pairs = PairsOf(schedule).ToArray();
        return (schedule.Definition.User == user
                && Scopes(right, own: true).Any(scope => pairs.All(pair => scope.Holds(pair.Command, pair.Cluster))))
            || (pairs.Length > 0 && Scopes(right, own: false).Any(
                scope => pairs.All(pair => scope.Holds(pair.Command, pair.Cluster))));
    }

    /// <summary>A script has no tags: for others' the right must count everywhere.</summary>
    /// <param name="right">Which.</param>
    /// <param name="owner">Of the script; null: it belongs to operators.</param>
    public bool OverScript(Right right, string? owner) =>
        (owner == user && Has(right)) || HasEverywhere(right);

    /// <summary>Where they may run jobs by a right; null: everywhere.</summary>
    /// <param name="right">Which.</param>
    /// <param name="ofOthers">Whether it is about what is not their own.</param>
    public IReadOnlyList<TagScope>? ScopesOf(Right right, bool ofOthers)
    {
        TagScope[] scopes = [.. Scopes(right, own: false), .. ofOthers ? [] : Scopes(right, own: true)];
        return scopes.Any(scope => scope.IsEverywhere) ? null : scopes;
    }

    private bool Holds(TagScope scope, JobPlace job) =>
        (scope.CommandTags.Count == 0
            || (catalog.FindCommand(job.CommandId) is { } command && scope.Holds(command)))
        && (scope.ClusterTags.Count == 0
            || (catalog.FindCluster(job.ClusterId) is { } cluster && scope.Holds(cluster)));

    /// <param name="scope">Where.</param>
    /// <param name="noCluster">
    /// The empty id, where parents are among the jobs, which are on no cluster: everybody sees their own. Those of
    /// others tell of clusters that a role for some clusters is not for.
    /// </param>
    private JobPlaces PlacesOf(TagScope scope, string[] noCluster) => new(
        scope.CommandTags.Count == 0 ? null : [.. catalog.Commands.Where(scope.Holds).Select(command => command.Id)],
        scope.ClusterTags.Count == 0
            ? null
            : [.. catalog.Clusters.Where(scope.Holds).Select(cluster => cluster.Id), .. noCluster]);

    private IEnumerable<(Command Command, Cluster Cluster)> PairsOf(Schedule schedule) =>
        from command in catalog.Commands
        where schedule.Definition.CommandCriteria.All(command.Carries)
        from cluster in catalog.Clusters
        where schedule.Definition.ClusterCriteria.All(cluster.Carries) && command.ClusterTags.All(cluster.Carries)
            && (schedule.Scopes is null || schedule.Scopes.Any(scope => scope.Holds(command, cluster)))
        select (command, cluster);

    private TagScope[] Scopes(Right right, bool own)
    {
        if (!_scopes.TryGetValue((right, own), out var scopes))
        {
            var holders = AccessTable.HoldersOf(right);
            var roles = own ? holders.Own : holders.Any;
            scopes = [.. grants.Where(grant => roles.Contains(grant.Role)).Select(grant => grant.Scope)];
            _scopes[(right, own)] = scopes;
        }
        return scopes;
    }
}
