using System.Diagnostics.Metrics;
using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Upkeep;

public static class UpkeepServiceCollectionExtensions
{
    /// <summary>What is done for all processes, in whichever of them is the keeper.</summary>
    public static IServiceCollection AddUpkeep(this IServiceCollection services)
    {
        services.AddSingleton(provider =>
            new UpkeepMetrics(provider.GetRequiredService<IMeterFactory>().CreateHeimdallMeter()));
        services.AddSingleton<UnstartedJobs>();
        services.AddSingleton<FanOutUpkeep>();
        services.AddSingleton<ScheduleUpkeep>();
        services.AddSingleton<SessionRetention>();
        services.AddSingleton<HistoryRetention>();
        services.AddSingleton<SettingWatch>();
        services.AddSingleton<VacuumSettings>();
        services.AddSingleton<SweepList>();
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<Keeper>(
            provider, provider.GetRequiredService<SweepList>().Sweeps));
        return services;
    }
}
