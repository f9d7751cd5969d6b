using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Plugins.Postgres;

public static class PostgresServiceCollectionExtensions
{
    /// <summary>Adds the <c>postgres</c> plugin.</summary>
    /// <exception cref="InvalidOperationException">It cannot work with the Npgsql that is loaded.</exception>
    public static IServiceCollection AddPostgresPlugin(this IServiceCollection services)
    {
        ServerStream.Check();
        return services
            .AddLogging()
            .AddSingleton(provider => new ScriptFolder(provider.GetRequiredService<HeimdallConfig>().SqlDirectory))
            .AddSingleton<ClusterConnections>()
            .AddSingleton<IPlugin>(provider => new PostgresPlugin(
                provider.GetRequiredService<ClusterConnections>(), provider.GetRequiredService<ScriptFolder>(),
                provider.GetService<StoreClock>() ?? TimeProvider.System));
    }
}
