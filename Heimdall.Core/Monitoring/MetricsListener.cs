using System.Net.Sockets;
using Heimdall.Core.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// Serves <c>/metrics</c> to Prometheus at an address of its own, so that who may look there need not be let into the
/// API. A worker has no other port.
/// </summary>
/// <param name="listen">The address.</param>
/// <param name="key">The configuration's key of it.</param>
/// <param name="meters">What is served.</param>
/// <param name="logger">Takes a warning where everybody may reach the address.</param>
internal sealed partial class MetricsListener(
    string listen, string key, MeterProvider meters, ILogger<MetricsListener> logger)
    : IHostedService, IAsyncDisposable
{
    public const string Path = "/metrics";

    private WebApplication? _app;

    /// <exception cref="HostStartException">Nobody can listen there.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseUrls(listen).UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 32;
            kestrel.Limits.MaxRequestBodySize = 0;
        });
        builder.Services.RemoveAll<IHostLifetime>(); // signals are for the process's own host
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        _app = builder.Build();
        _app.Use((context, next) =>
        {
            // A scrape would count as a request of the API: the meters of both have one name.
            context.Features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true;
            return next(context);
        });
        _app.UseOpenTelemetryPrometheusScrapingEndpoint(
            meters, predicate: null, Path, configureBranchedPipeline: null, optionsName: null);
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            throw new HostStartException(
                $"{key} {listen} cannot be listened at: {exception.Message.TrimEnd('.')}."
                + (exception.InnerException is AddressInUseException
                    ? " Each process needs an address of its own."
                    : ""));
        }
        if (!new Uri(listen).IsLoopback)
        {
            LogReachable(key, listen);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) =>
        _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "{Key} {Listen}: everybody who reaches this address can read the metrics, without a key")]
    private partial void LogReachable(string key, string listen);

    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
