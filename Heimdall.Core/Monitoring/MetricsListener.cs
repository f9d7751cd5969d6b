using System.Net.Sockets;
using Heimdall.Core.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// Serves <c>/metrics</c> to Prometheus at an address of its own, so that who may look there need not be let into the
/// API. A worker has no other port.
/// </summary>
/// <param name="listen">The address.</param>
/// <param name="key">The configuration's key of it.</param>
/// <param name="meters">What is served.</param>
internal sealed class MetricsListener(string listen, string key, MeterProvider meters)
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
        _app = builder.Build();
        _app.UseOpenTelemetryPrometheusScrapingEndpoint(
            meters, predicate: null, Path, configureBranchedPipeline: null, optionsName: null);
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            throw new HostStartException(
                $"{key} {listen} cannot be listened at: {exception.Message.TrimEnd('.')}. "
                + "Each process needs an address of its own.");
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
}
