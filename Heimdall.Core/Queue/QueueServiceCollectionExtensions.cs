using System.Diagnostics.Metrics;
using Hangfire;
using Hangfire.AspNetCore;
using Hangfire.Common;
using Heimdall.Core.Audit;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue.Storage;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Queue;

public static class QueueServiceCollectionExtensions
{
    /// <summary>What both hosts need of Hangfire: its storage and clients, none of them through Hangfire's statics.</summary>
    public static IServiceCollection AddJobQueue(this IServiceCollection services, HeimdallConfig config)
    {
        // How IJobRunner is named in the queue: without versions, so that a job waits out an upgrade (or the way back).
        GlobalConfiguration.Configuration.UseSimpleAssemblyNameTypeSerializer().UseIgnoredAssemblyVersionTypeResolver();
        services.AddSingleton(provider => new QueueStorage(
            provider.GetRequiredService<StoreDatabase>(), provider.GetService<JobClaimer>));
        services.AddSingleton<IStorePreparation, QueueInstallation>();
        services.AddSingleton(provider => config.Queue.Storage == QueueConfig.Stock
            ? provider.GetRequiredService<QueueStorage>().Open()
            : provider.GetRequiredService<QueueStorage>().OpenEntries(
                provider.GetRequiredService<ILogger<EntryStorage>>()));
        services.TryAddSingleton<AuditLog>();
        services.AddSingleton<QueueDelivery>();
        services.AddSingleton<DashboardUser>();
        services.AddSingleton<IJobFilterProvider, QueueFilters>();
        services.AddSingleton<BackgroundJobClientFactory>();
        services.AddSingleton<IBackgroundJobClientFactory>(provider => provider.GetRequiredService<BackgroundJobClientFactory>());
        services.AddSingleton<JobQueue>();
        services.AddSingleton<QueueEntries>();
        services.AddSingleton<ClaimedJobs>();
        services.AddSingleton<Pauses>();
        services.AddSingleton<JobPredecessors>();
        services.AddSingleton<FanOuts>();
        services.AddSingleton<WaitingReasons>();
        services.AddSingleton<SteadyZones>();
        services.AddHostedService(provider => new ProcessPresence(
            provider.GetRequiredService<LivingProcesses>(), provider.GetService<JobReach>(),
            provider.GetRequiredService<StoreReadiness>(), config.Worker,
            provider.GetRequiredService<ILogger<ProcessPresence>>()));
        services.AddSingleton<RecurringJobs>();
        services.AddSingleton<IRecurringJobManagerFactory>(provider => provider.GetRequiredService<RecurringJobs>());
        return services;
    }

    /// <summary>Runs queued jobs in this process.</summary>
    public static IServiceCollection AddQueueServer(this IServiceCollection services, WorkerConfig config)
    {
        services.AddSingleton<JobActivator>(provider => new AspNetCoreJobActivator(provider.GetRequiredService<IServiceScopeFactory>()));
        services.AddSingleton<JobReach>();
        services.AddSingleton<DueChanges>();
        services.AddSingleton<WaitingJobs>();
        services.AddSingleton<IJobRunner, JobDelivery>();
        services.AddSingleton(provider =>
            new QueueMetrics(provider.GetRequiredService<IMeterFactory>().CreateHeimdallMeter()));
        services.AddSingleton<JobClaimer>();
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<OldQueue>(provider, config));
        services.AddHostedService(provider =>
        {
            GlobalConfiguration.Configuration.UseLogProvider(new AspNetCoreLogProvider(provider.GetRequiredService<ILoggerFactory>()));
            return ActivatorUtilities.CreateInstance<QueueServer>(provider, config);
        });
        return services;
    }
}
