using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Hooks;
using Heimdall.Core.Hosting;
using Heimdall.Core.Monitoring;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Running;
using Heimdall.Core.Schedules;
using Heimdall.Core.Secrets;
using Heimdall.Core.Submission;
using Heimdall.Core.Upkeep;
using Heimdall.Plugins.Postgres;
using Heimdall.Worker.Health;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Heimdall.Worker;

/// <summary>The worker process, as a list of what it can do.</summary>
internal static class WorkerHost
{
    /// <summary>One line a plugin, the same as in the API.</summary>
    public static void AddPlugins(IServiceCollection services) => services.AddPostgresPlugin();

    public static HostApplicationBuilder AddWorker(this HostApplicationBuilder builder, HeimdallConfig config, UrgentStop urgent)
    {
        builder.Logging.AddHeimdallLogging(config.Logging);
        var services = builder.Services;
        services.AddSingleton(config);
        services.AddSingleton(urgent);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<PluginCatalog>();
        AddPlugins(services);

        if (config.Worker.HealthSocket is not null)
        {
            services.AddHostedService<HealthListener>(); // first, so that it is the last to stop
        }
        services.AddMonitoring(config, "worker", config.Metrics.WorkerListen); // serves metrics until the drain is over
        services.AddStore(config.Database, ConnectionLimits.ForWorker(config.Worker.Concurrency));
        services.AddSecrets(config.Secrets);
        services.AddCatalog();
        services.AddHooks();
        services.AddResults(config.Results);
        services.AddJobRunning();
        services.AddJobQueue(config);
        services.AddQueueServer(config.Worker);
        services.AddJobSubmission();
        services.AddSchedules();
        services.AddScheduleFiring();
        services.AddUpkeep();
        services.AddConnectionBudget();

        services.Configure<HostOptions>(options => options.ShutdownTimeout = StopTimeOf(config.Worker));
        return builder;
    }

    /// <summary>How long the services get to stop: to drain, to roll back, and a moment to leave the queue.</summary>
    internal static TimeSpan StopTimeOf(WorkerConfig worker) =>
        worker.DrainTimeout + QueueServer.CancelTime + TimeSpan.FromSeconds(2);
}
