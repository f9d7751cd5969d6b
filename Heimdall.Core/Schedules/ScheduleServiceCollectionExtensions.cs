using System.Diagnostics.Metrics;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Schedules;

public static class ScheduleServiceCollectionExtensions
{
    /// <summary>Schedules: seeded from the file, shown by Hangfire, steered by people.</summary>
    public static IServiceCollection AddSchedules(this IServiceCollection services)
    {
        services.AddSingleton<ScheduleStore>();
        services.AddSingleton<ScheduleRunStore>();
        services.AddSingleton<ScheduleTroubles>();
        services.AddSingleton<ScheduleMirror>();
        services.AddSingleton(provider =>
            new ScheduleMetrics(provider.GetRequiredService<IMeterFactory>().CreateHeimdallMeter()));
        services.AddSingleton<ScheduleFirer>();
        services.AddSingleton<ScheduleControl>();
        services.AddSingleton<RemovedSchedules>();
        services.AddSingleton<IStorePreparation, ScheduleSeed>();
        return services;
    }

    /// <summary>Fires what is due. In the worker.</summary>
    public static IServiceCollection AddScheduleFiring(this IServiceCollection services)
    {
        services.AddSingleton<IScheduleTicker, ScheduleTicker>();
        return services;
    }
}
