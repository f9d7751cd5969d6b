using Heimdall.Core.Jobs;

namespace Heimdall.Api.Live;

internal static class LiveServiceCollectionExtensions
{
    /// <summary>Lets callers watch jobs.</summary>
    public static IServiceCollection AddJobWatcher(this IServiceCollection services)
    {
        services.AddSingleton<JobNewsStore>();
        services.AddSingleton<JobWatcher>();
        return services.AddHostedService(provider => provider.GetRequiredService<JobWatcher>());
    }
}
