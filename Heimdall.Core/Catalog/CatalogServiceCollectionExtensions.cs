using Heimdall.Core.Audit;
using Heimdall.Core.Database;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Heimdall.Core.Catalog;

public static class CatalogServiceCollectionExtensions
{
    /// <summary>Commands and clusters: seeded from the file, live in every process, and picked for jobs.</summary>
    public static IServiceCollection AddCatalog(this IServiceCollection services)
    {
        services.TryAddSingleton<AuditLog>();
        services.TryAddSingleton<KeyUseStore>();
        services.AddSingleton<CatalogStore>();
        services.AddSingleton<PutDefinitions>();
        services.AddSingleton<LivingProcesses>();
        services.AddSingleton<CatalogUpkeep>();
        services.AddSingleton<IStorePreparation, CatalogSeed>();
        services.AddSingleton<LiveCatalog>();
        services.AddHostedService(provider => provider.GetRequiredService<LiveCatalog>());
        services.AddSingleton<ClusterContexts>();
        services.AddSingleton<ClusterHealthBoard>();
        services.AddSingleton<ClusterProber>();
        services.AddSingleton<JobRouter>();
        return services;
    }
}
