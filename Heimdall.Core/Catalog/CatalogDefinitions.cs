using System.Text.Json;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Catalog;

/// <summary>Commands and clusters of what the configuration file says, or a caller.</summary>
internal static class CatalogDefinitions
{
    public static Command ToCommand(CommandConfig config) => new()
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

    /// <summary>How to reach it is left out.</summary>
    public static Cluster ToCluster(ClusterConfig config) => new()
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

    /// <summary>As the store keeps it, beside what holds instead.</summary>
    public static string Write<T>(T definition) => JsonSerializer.Serialize(definition);
}
