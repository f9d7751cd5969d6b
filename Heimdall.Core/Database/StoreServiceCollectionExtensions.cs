using Heimdall.Core.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Database;

public static class StoreServiceCollectionExtensions
{
    /// <summary>Heimdall's own database: connections, migrations at start, notifications.</summary>
    public static IServiceCollection AddStore(this IServiceCollection services, DatabaseConfig config, ConnectionLimits limits)
    {
        services.AddSingleton(_ => new StoreDatabase(
            SecretReferences.Resolve(config.ConnectionString), config.Schema, config.HangfireSchema, limits));
        services.AddSingleton<StoreReadiness>();
        services.AddSingleton<StoreHealth>();
        services.AddSingleton<StoreMigrator>();
        services.AddHostedService<StoreStartup>();
        services.AddHostedService<SchemaWatch>();
        services.AddSingleton<StoreNotifications>();
        services.AddHostedService(provider => provider.GetRequiredService<StoreNotifications>());
        return services;
    }
}
