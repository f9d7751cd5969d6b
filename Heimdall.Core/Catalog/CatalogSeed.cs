using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;

namespace Heimdall.Core.Catalog;

/// <summary>Brings the commands and clusters of the configuration file into the store when a process starts.</summary>
internal sealed class CatalogSeed(
    HeimdallConfig config, CatalogStore store, LivingProcesses processes, CatalogUpkeep upkeep, LiveCatalog live)
    : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await processes.StartsAsync(cancellationToken);
        upkeep.Log(await store.SeedAsync(
            [.. config.Commands.Select(command => WithSeed(ToCommand(command)))],
            [.. config.Clusters.Select(cluster => WithSeed(ToCluster(cluster)))],
            cancellationToken));
        // A process that is ready knows its commands: with none, the first job would be told that its command is gone.
        await live.RefreshAsync(cancellationToken);
    }

    private static Command ToCommand(CommandConfig config) => new()
    {
        Id = config.Id ?? config.Name,
        Name = config.Name,
        Version = config.Version,
        Description = config.Description,
        Status = Enum.Parse<CatalogStatus>(config.Status, ignoreCase: true),
        Plugin = config.Plugin,
        Tags = config.Tags,
        ClusterTags = config.ClusterTags,
        AllowedCallers = config.AllowedCallers,
        MaxAttempts = config.MaxAttempts,
        Idempotent = config.Idempotent,
        MaxConcurrency = config.MaxConcurrency,
        MaxPriority = config.MaxPriority,
        Retention = CommandRetention.Of(config.Retention),
        OnEnd = config.OnEnd.Length == 0 ? null : [.. config.OnEnd.Select(hook => new EndHook(hook.Hook, hook.On))],
        Approval = CommandApproval.Of(config),
        Context = config.Context,
    };

    private static Cluster ToCluster(ClusterConfig config) => new()
    {
        Id = config.Id ?? config.Name,
        Name = config.Name,
        Version = config.Version,
        Description = config.Description,
        Status = Enum.Parse<CatalogStatus>(config.Status, ignoreCase: true),
        Tags = config.Tags,
        Weight = config.Weight,
        MaxConcurrency = config.MaxConcurrency,
    };

    private static (T Item, string Seed) WithSeed<T>(T item) => (item, SeedOf(item));

    /// <summary>
    /// The seed of an unchanged file is the same in each version: another one undoes the edits that were made over
    /// REST. So a new property is left out of it where it has its default.
    /// </summary>
    internal static string SeedOf<T>(T item) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(item))));
}
