namespace Heimdall.Core.Catalog;

/// <summary>The commands and clusters as they stood at one moment.</summary>
public sealed record CatalogSnapshot(IReadOnlyList<Command> Commands, IReadOnlyList<Cluster> Clusters)
{
    public static CatalogSnapshot Empty { get; } = new([], []);

    public Command? FindCommand(string id) => Commands.FirstOrDefault(command => command.Id == id);

    public Cluster? FindCluster(string id) => Clusters.FirstOrDefault(cluster => cluster.Id == id);
}
