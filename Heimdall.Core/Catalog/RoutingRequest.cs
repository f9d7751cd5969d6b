namespace Heimdall.Core.Catalog;

/// <summary>What a job asks of the catalog.</summary>
/// <param name="CommandCriteria">Tags that the command must carry.</param>
/// <param name="ClusterCriteria">Tags that the cluster must carry.</param>
/// <param name="User">Who asks.</param>
/// <param name="MayWait">Whether a cluster that did not answer its last health check will do where no other does: nobody is there to ask again.</param>
public sealed record RoutingRequest(
    IReadOnlyCollection<string> CommandCriteria, IReadOnlyCollection<string> ClusterCriteria, string User,
    bool MayWait = false)
{
    /// <summary>Others who have a hand in it: who edited or triggered its schedule. They must be allowed.</summary>
    public IReadOnlyList<string> Askers { get; init; } = [];

    /// <summary>Where the caller may run jobs; null: everywhere. The rest is not there for them.</summary>
    public IReadOnlyList<TagScope>? Scopes { get; init; }

    /// <returns>The first of those behind the job whom a command does not allow; null when it allows all.</returns>
    internal string? FindRefused(Command command) =>
        command.Allows(User) ? Askers.FirstOrDefault(asker => !command.Allows(asker)) : User;

    internal bool IsInScope(Command command) => Scopes is null || Scopes.Any(scope => scope.Holds(command));

    internal bool IsInScope(Cluster cluster) => Scopes is null || Scopes.Any(scope => scope.Holds(cluster));

    internal bool IsInScope(Command command, Cluster cluster) =>
        Scopes is null || Scopes.Any(scope => scope.Holds(command, cluster));
}
