using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Catalog;

/// <summary>Brings the commands and clusters of the configuration file into the store when a process starts.</summary>
internal sealed partial class CatalogSeed(
    HeimdallConfig config, CatalogStore store, LivingProcesses processes, CatalogUpkeep upkeep, LiveCatalog live,
    ILogger<CatalogSeed> logger)
    : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await processes.StartsAsync(cancellationToken);
        upkeep.Log(await store.SeedAsync(
            [.. config.Commands.Select(command => WithSeed(CatalogDefinitions.ToCommand(command)))],
            [.. config.Clusters.Select(cluster => WithSeed(CatalogDefinitions.ToCluster(cluster)))],
            cancellationToken));
        // A process that is ready knows its commands: with none, the first job would be told that its command is gone.
        await live.RefreshAsync(cancellationToken);
        foreach (var command in config.Commands)
        {
            LogPut("Command", command.Id ?? command.Name, live.Current.FindCommand(command.Id ?? command.Name)?.Put);
        }
        foreach (var cluster in config.Clusters)
        {
            LogPut("Cluster", cluster.Id ?? cluster.Name, live.Current.FindCluster(cluster.Id ?? cluster.Name)?.Put);
        }
    }

    private void LogPut(string kind, string id, PutMark? put)
    {
        if (put is not null)
        {
            LogOverridden(kind, id, put.By, put.At);
        }
    }

    private static (T Item, string Seed) WithSeed<T>(T item) => (item, SeedOf(item));

    /// <summary>
    /// The seed of an unchanged file is the same in each version: another one undoes the edits that were made over
    /// REST. So a new property is left out of it where it has its default.
    /// </summary>
    internal static string SeedOf<T>(T item) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(CatalogDefinitions.Write(item))));

    [LoggerMessage(
        LogLevel.Warning,
        "{Kind} {Id} is not as the configuration file says: {User} put it over REST at {At:O}. "
        + "The file's definition holds again when that is deleted")]
    private partial void LogOverridden(string kind, string id, string user, DateTime at);
}
