using System.Diagnostics.Metrics;
using System.Reflection;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Heimdall.Core.Monitoring;

public static class MonitoringServiceCollectionExtensions
{
    /// <summary>What .NET measures by itself: of requests, of its own web server, of the process.</summary>
    private static readonly string[] Frameworks =
        ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    /// <summary>
    /// Exports metrics and traces if the configuration says so. Otherwise nothing of it is loaded, and a measurement
    /// costs a comparison. It must be called before services that take time to stop: services stop in reverse order,
    /// and a drain must stay visible.
    /// </summary>
    /// <param name="services">The host's.</param>
    /// <param name="config">The whole configuration.</param>
    /// <param name="process">The process in metrics and traces: <c>api</c> or <c>worker</c>.</param>
    /// <param name="listen">Where it serves metrics; null for nowhere.</param>
    /// <param name="addTracing">What only this process traces.</param>
    public static IServiceCollection AddMonitoring(
        this IServiceCollection services,
        HeimdallConfig config,
        string process,
        string? listen,
        Action<TracerProviderBuilder>? addTracing = null)
    {
        services.AddHostedService<GaugeService>();
        if (listen is null && config.Otlp.Endpoint is null)
        {
            return services;
        }
        var telemetry = services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService(
            $"heimdall-{process}", "heimdall", VersionOf(), autoGenerateServiceInstanceId: false,
            RunnerName.OfThisProcess));
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddMeter([HeimdallTelemetry.Name, .. Frameworks]);
            if (listen is not null)
            {
                metrics.AddPrometheusExporter();
            }
            if (config.Otlp.Endpoint is not null)
            {
                metrics.AddOtlpExporter((exporter, reader) =>
                {
                    Set(exporter, config.Otlp, "v1/metrics");
                    reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds =
                        (int)config.Otlp.MetricsInterval.TotalMilliseconds;
                });
            }
        });
        if (config.Otlp.Endpoint is not null)
        {
            services.AddHostedService<ExportWarnings>();
            telemetry.WithTracing(traces =>
            {
                traces.SetSampler(new ParentBasedSampler(new RootSampler(config.Tracing.SamplePercent)))
                    .AddSource(HeimdallTelemetry.Name, "Npgsql")
                    .AddProcessor(new SpanScrubber())
                    .AddOtlpExporter(exporter => Set(exporter, config.Otlp, "v1/traces"));
                addTracing?.Invoke(traces);
            });
        }
        if (listen is not null)
        {
            services.AddHostedService(provider => new MetricsListener(
                listen, $"metrics.{process}_listen", provider.GetRequiredService<MeterProvider>(),
                provider.GetRequiredService<ILogger<MetricsListener>>()));
        }
        return services;
    }

    private static void Set(OtlpExporterOptions exporter, OtlpConfig config, string path)
    {
        var isHttp = config.Protocol == OtlpConfig.Http;
        exporter.Protocol = isHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        exporter.Endpoint = isHttp ? new Uri($"{config.Endpoint!.TrimEnd('/')}/{path}") : new Uri(config.Endpoint!);
        if (config.Headers is { } headers)
        {
            exporter.Headers = SecretReferences.Resolve(headers);
        }
    }

    private static string VersionOf() =>
        typeof(MonitoringServiceCollectionExtensions).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Makes the gauges, which nothing else asks for.</summary>
    private sealed class GaugeService : IHostedService, IDisposable
    {
        private readonly PoolGauges _pools;
        private readonly StoreGauges _store;

        public GaugeService(
            IMeterFactory meters,
            StoreDatabase database,
            StoreReadiness readiness,
            LiveCatalog catalog,
            ClusterHealthBoard board,
            TimeProvider clock,
            ILogger<StoreGauges> logger)
        {
            var meter = meters.CreateHeimdallMeter();
            _store = new StoreGauges(
                meter, database, readiness, () => ClusterGauges.ActiveIn(catalog).Select(cluster => cluster.Id),
                clock, logger);
            _ = new ClusterGauges(meter, catalog, board);
            _pools = new PoolGauges(meter);
        }

        public void Dispose() => _pools.Dispose();

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            _store.Stop(); // the exporters read once more when the process ends
            return Task.CompletedTask;
        }
    }
}
