namespace Heimdall.Core.Catalog;

/// <summary>The commands and clusters as they stood at one moment.</summary>
public sealed record CatalogSnapshot(IReadOnlyList<Command> Commands, IReadOnlyList<Cluster> Clusters)
{
    public static CatalogSnapshot Empty { get; } = new([], []);

    /// <summary>
    /// Those that are in no living process's file. They get no new jobs; those that they have still run.
    /// </summary>
    public IReadOnlyList<Command> RemovedCommands { get; init; } = [];

    public Command? FindCommand(string id) => Commands.FirstOrDefault(command => command.Id == id);

    /// <summary>The command of a job that is there already.</summary>
    public Command? FindCommandOfJob(string id) =>
        FindCommand(id) ?? RemovedCommands.FirstOrDefault(command => command.Id == id);

    public Cluster? FindCluster(string id) => Clusters.FirstOrDefault(cluster => cluster.Id == id);
}
