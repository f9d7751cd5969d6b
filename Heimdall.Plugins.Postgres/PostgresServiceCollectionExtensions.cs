using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Plugins.Postgres;

public static class PostgresServiceCollectionExtensions
{
    /// <summary>Adds the <c>postgres</c> plugin.</summary>
    public static IServiceCollection AddPostgresPlugin(this IServiceCollection services) => services
        .AddSingleton(provider => new ScriptFolder(provider.GetRequiredService<HeimdallConfig>().SqlDirectory))
        .AddSingleton<ClusterConnections>()
        .AddSingleton<IPlugin, PostgresPlugin>();
}
