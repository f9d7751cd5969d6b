using Heimdall.Api;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;
using Heimdall.Core.Running;
using Heimdall.Worker;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Heimdall.Tests.Support;

/// <summary>
/// One of Heimdall's programs in the tests' own process: what its Program.cs builds, at a port of its own. It starts in a tenth of the time
/// of a process. It cannot be killed or frozen, gets no signals, and shares its statics with the other hosts of the tests.
/// </summary>
internal sealed class HeimdallHost : IAsyncDisposable
{
    /// <summary>For what a stop at once waits for: sessions that are closed, jobs that are rolled back.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(20);

    private readonly IHost _host;
    private readonly UrgentStop _urgent;
    private bool _isDisposed;

    private HeimdallHost(IHost host, UrgentStop urgent) => (_host, _urgent) = (host, urgent);

    public IServiceProvider Services => _host.Services;

    public static async Task<HeimdallHost> StartApiAsync(string config, string log, TimeProvider? clock = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var urgent = new UrgentStop();
        builder.AddApi(await HostProgram.LoadAsync(config, ApiHost.AddPlugins), urgent);
        AddTestEnds(builder.Services, log, clock);
        return await StartAsync(builder.Build().UseApi(), urgent);
    }

    public static async Task<HeimdallHost> StartWorkerAsync(string config, string log, TimeProvider? clock = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        var urgent = new UrgentStop();
        builder.AddWorker(await HostProgram.LoadAsync(config, WorkerHost.AddPlugins), urgent);
        AddTestEnds(builder.Services, log, clock);
        return await StartAsync(builder.Build(), urgent);
    }

    /// <summary>Stops as a process does that gets two signals: what runs is rolled back and put back into the queue.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return; // by the test that had started it
        }
        _isDisposed = true;
        await _urgent.RequestAsync();
        using (var time = new CancellationTokenSource(StopTime))
        {
            await _host.StopAsync(time.Token);
        }
        await ((IAsyncDisposable)_host).DisposeAsync();
        _urgent.Dispose();
    }

    private static async Task<HeimdallHost> StartAsync(IHost built, UrgentStop urgent)
    {
        var host = new HeimdallHost(built, urgent);
        try
        {
            await built.StartAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a process has of its own: signals and a console.</summary>
    private static void AddTestEnds(IServiceCollection services, string log, TimeProvider? clock)
    {
        if (clock is not null)
        {
            services.AddSingleton(clock); // the last to be added counts
        }
        services.RemoveAll<IHostLifetime>();
        services.AddSingleton<IHostLifetime, NoSignals>();

        // Hangfire writes to the log of the host that was started last, whether that still runs: no log is closed before the tests end.
        services.AddSingleton(LoggerFactory.Create(logging =>
        {
            logging.AddHeimdallLogging(new LoggingConfig());
            logging.ClearProviders();
            logging.AddProvider(new LogFile(log));
        }));
    }

    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
