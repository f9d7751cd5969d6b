using Heimdall.Core.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Database;

public static class StoreServiceCollectionExtensions
{
    /// <summary>Heimdall's own database: connections, migrations at start, notifications.</summary>
    public static IServiceCollection AddStore(this IServiceCollection services, DatabaseConfig config, ConnectionLimits limits)
    {
        services.AddSingleton(provider => new StoreDatabase(
            SecretReferences.Resolve(config.ConnectionString), config.Schema, config.HangfireSchema, limits,
            provider.GetRequiredService<ILogger<StoreRetry>>()));
        services.AddSingleton(provider => provider.GetRequiredService<StoreDatabase>().Retry);
        services.AddSingleton<StoreReadiness>();
        services.AddSingleton<StoreClock>();
        services.AddSingleton<StoreProbe>();
        services.AddSingleton(provider => new StoreHealth(
            provider.GetRequiredService<StoreReadiness>(), provider.GetRequiredService<StoreDatabase>(),
            provider.GetRequiredService<StoreProbe>(), provider.GetRequiredService<StoreClock>()));
        services.AddSingleton<StoreMigrator>();
        services.AddSingleton<IStorePreparation, SharedSettings>(); // before all others
        services.AddHostedService<StoreStartup>();
        services.AddHostedService<SchemaWatch>();
        services.AddHostedService<StoreWatch>();
        services.AddSingleton<StoreNotifications>();
        services.AddHostedService(provider => provider.GetRequiredService<StoreNotifications>());
        return services;
    }
}
