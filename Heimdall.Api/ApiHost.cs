using Heimdall.Api.Audit;
using Heimdall.Api.Callers;
using Heimdall.Api.Catalog;
using Heimdall.Api.Compression;
using Heimdall.Api.Dashboard;
using Heimdall.Api.Document;
using Heimdall.Api.Entrance;
using Heimdall.Api.Health;
using Heimdall.Api.Hooks;
using Heimdall.Api.Jobs;
using Heimdall.Api.Live;
using Heimdall.Api.Me;
using Heimdall.Api.Monitoring;
using Heimdall.Api.Origins;
using Heimdall.Api.Problems;
using Heimdall.Api.Queue;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Api.Schedules;
using Heimdall.Api.Scripts;
using Heimdall.Api.SignIn;
using Heimdall.Api.SqlConsole;
using Heimdall.Api.Tls;
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

namespace Heimdall.Api;

/// <summary>The API process, as a list of what it can do.</summary>
internal static class ApiHost
{
    /// <summary>One line a plugin, the same as in the worker.</summary>
    public static void AddPlugins(IServiceCollection services) => services.AddPostgresPlugin();

    public static WebApplicationBuilder AddApi(this WebApplicationBuilder builder, HeimdallConfig config, UrgentStop urgent)
    {
        builder.WebHost.UseUrls(config.Server.Listen);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            ConnectionRules.Apply(kestrel.Limits, config.Server);
        });
        builder.AddTls(config.Server.Tls);
        builder.Logging.AddHeimdallLogging(config.Logging);
        var services = builder.Services;
        services.AddSingleton(config);
        services.AddSingleton(urgent);
        services.AddSingleton(config.Server);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<PluginCatalog>();
        AddPlugins(services);

        // Before all services that end requests: it serves metrics until they have stopped.
        services.AddMonitoring(config, "api", config.Metrics.ApiListen, RequestTraces.Add);
        services.AddStore(config.Database, ConnectionLimits.ForApi);
        services.AddSecrets(config.Secrets);
        services.AddCatalog();
        services.AddSingleton<CatalogReplies>();
        services.AddSingleton<DefinitionEditor>();
        services.AddHostedService<ClusterWatch>();
        services.AddHooks();
        services.AddResults(config.Results);
        services.AddJobRunning();
        services.AddJobQueue(config);
        services.AddJobSubmission();
        services.AddSchedules();
        services.AddSingleton<InlineSlots>();
        services.AddSingleton<RenderSlots>();
        services.AddSingleton<InlineQueries>();
        services.AddSingleton<DryRuns>();
        services.AddSingleton<JobWait>();
        services.AddSingleton<WaitedQueries>();
        services.AddJobWatcher();
        services.AddSingleton<IdempotentReplies>();
        services.AddSingleton<ResultReplies>();
        services.AddSingleton<ReadResult>();
        services.AddScripts(config.SqlUploads);
        services.AddSingleton<ScheduleViews>();
        services.AddSingleton<ScheduleAccess>();
        services.AddSingleton<ScheduleEditor>();

        services.AddUpkeep();
        services.AddConnectionBudget();
        // Queries within requests get as long to end as a worker's jobs, and a moment to tell so.
        services.Configure<HostOptions>(options => options.ShutdownTimeout = config.Worker.DrainTimeout + TimeSpan.FromSeconds(5));

        services.AddReplyCompression();
        services.AddCrossOrigin(config.Server);
        services.AddHostedService<PlainListener>();
        services.AddRouting(options =>
            options.ConstraintMap[DefinitionIdConstraint.Name] = typeof(DefinitionIdConstraint));
        services.AddCallers(config.Auth);
        services.AddSignIn(config.Auth.Oidc);
        services.AddRights();
        services.AddAudit();
        services.AddProblemDetails();
        services.AddSingleton<RouteSuggestions>();
        services.AddExceptionHandler<ProblemMapper>();
        services.AddDocument();
        services.AddDashboard();
        return builder;
    }

    public static WebApplication UseApi(this WebApplication app)
    {
        var config = app.Services.GetRequiredService<HeimdallConfig>();
        app.UseReplyHeaders();
        app.UseResponseCompression();
        app.UseExceptionHandler();
        app.UseStatusCodePages(PlainStatus.AsProblemAsync);
        app.UseLoopbackOnly(config.Auth);
        app.UseSameSiteOnly(config.Server);
        app.UsePublicAddress(config.Server.PublicUrl);
        app.UseCrossOrigin(config.Server);
        app.UseRequestCoding();
        app.UseJsonInUtf8();
        app.UseHeadAsGet();
        app.UseRouting(); // by the path and the method as they are now
        app.UseDashboardAddress();
        app.UseStoreGate();
        app.UseExactRoutes();
        app.UseSignInReplies();
        app.UseAuthentication();
        app.UseAudit();
        app.UseAuthorization();
        app.UseRights();
        app.UseSessionWatch();
        app.UseUnconditionalRoutes();

        var all = app.WithRights();
        var api = all.MapGroup("/api/v1");
        api.MapMe();
        api.MapKeys();
        api.MapSessions();
        api.MapAudit();
        api.MapJobs();
        api.MapCatalog();
        api.MapQueue();
        api.MapScripts();
        api.MapSchedules();
        api.MapHooks();
        all.MapEntrance();
        all.MapHealth();
        all.MapOpenApi();
        app.MapSignIn(all);
        app.MapConsole(all);
        app.MapDocumentPages(all);
        app.MapDashboard(all);
        app.RequireRights();
        return app;
    }
}
