using System.Diagnostics.Metrics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Queue;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Running;

public static class RunningServiceCollectionExtensions
{
    /// <summary>The runner of both hosts: inline queries in the API, queued jobs in the worker.</summary>
    public static IServiceCollection AddJobRunning(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton(provider => new JobMetrics(
            provider.GetRequiredService<IMeterFactory>().CreateHeimdallMeter(),
            provider.GetRequiredService<HeimdallConfig>().Metrics));
        services.AddSingleton<JobStore>();
        services.AddSingleton<JobClaims>();
        services.AddSingleton<JobAttempts>();
        services.AddSingleton<AttemptWriter>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<JobRetention>();
        services.AddSingleton<JobLogStore>();
        services.AddSingleton<JobSearch>();
        services.AddSingleton<Leases>();
        services.AddHostedService(provider => provider.GetRequiredService<Leases>());
        services.AddSingleton<PluginJobs>();
        services.AddSingleton(provider => new AttemptHistory(provider.GetRequiredService<JobAttempts>(), provider.GetRequiredService<PluginJobs>()));
        services.AddSingleton(provider => new JobActivity(
            provider.GetRequiredService<JobAttempts>(), provider.GetRequiredService<PluginJobs>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<JobFigures>();
        services.AddSingleton<JobRelatives>();
        services.AddSingleton<JobOverviews>();
        services.AddSingleton<BlockedJobs>();
        services.AddSingleton<DrainDeadline>();
        services.AddSingleton<EarlierAttempts>();
        services.AddSingleton<JobRetries>();
        services.AddSingleton<SecretReader>();
        services.AddSingleton<JobRun>();
        services.AddSingleton<IClaimedJobRunner, JobRunner>();
        services.AddSingleton<IInlineRunner, InlineRunner>();
        services.AddHostedService<InlineRecovery>();
        return services;
    }
}
