using System.Net.Sockets;
using Heimdall.Api;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;
using Heimdall.Core.Running;
using Heimdall.Plugins.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NUnit.Framework;

namespace Heimdall.Tests.Hosting;

/// <summary>How a program fails to start and how it ends: its exit code, and what it prints.</summary>
[CancelAfter(60_000)]
[NonParallelizable] // it reads what the process prints
public sealed class HostProgramTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-program-").FullName;
    private readonly StringWriter _printed = new();
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TextWriter _before = Console.Error;

    [SetUp]
    public void ReadWhatIsPrinted() => Console.SetError(_printed);

    [TearDown]
    public void Restore()
    {
        Console.SetError(_before);
        _printed.GetStringBuilder().Clear();
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _released.SetResult();
        _printed.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_port_that_may_not_be_taken_is_reported_in_a_sentence()
    {
        var exitCode = await RunAsync((_, _) => throw new SocketException((int)SocketError.AccessDenied));

        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(_printed.ToString(), Does.Contain("server.listen").And.Not.Contain("   at "));
    }

    [Test]
    public async Task A_certificate_that_is_gone_after_the_check_is_reported_in_a_sentence()
    {
        const string Server =
            "server: {listen: \"https://127.0.0.1:9443\", tls: {certificate: gone.pem, key: gone.key}}";

        var exitCode = await RunAsync(
            (config, urgent) =>
                WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).AddApi(config, urgent).Build(),
            Server);

        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(
            _printed.ToString(),
            Does.Contain("server.tls.certificate must be a file that exists").And.Not.Contain("   at "));
    }

    [TestCase(StopOf.Deaf)]
    [TestCase(StopOf.DeafInBackground)]
    [TestCase(StopOf.Canceled)]
    public async Task A_service_that_does_not_stop_in_time_does_not_hold_the_process(StopOf stop)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        IHostedService service = stop switch
        {
            StopOf.DeafInBackground => new DeafInBackground(begun, _released.Task),
            _ => new Deaf(begun, _released.Task, obeysToken: stop == StopOf.Canceled),
        };

        var exitCode = await RunAsync((_, urgent) => BuildWith(service, begun.Task, urgent));

        Assert.That(exitCode, Is.EqualTo(4));
        Assert.That(_printed.ToString(), Does.Contain("has not stopped within 0 s"));
    }

    [Test]
    public async Task A_service_that_stops_in_time_ends_the_process_in_order()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var service = new Deaf(begun, end: Task.CompletedTask, obeysToken: false);

        var exitCode = await RunAsync((_, urgent) => BuildWith(service, begun.Task, urgent));

        Assert.That(exitCode, Is.Zero);
        Assert.That(_printed.ToString(), Is.Empty);
    }

    private async Task<int> RunAsync(Func<HeimdallConfig, UrgentStop, IHost> build, string more = "")
    {
        var file = Path.Combine(_folder, "heimdall.yaml");
        await File.WriteAllTextAsync(
            file, $"database: {{connection_string: \"Host=127.0.0.1;Username=heimdall\"}}\nsql_directory: .\n{more}\n");
        var program = new HostProgram
        {
            Name = "Heimdall.Api",
            AddPlugins = services => services.AddPostgresPlugin(),
            AskHealth = (_, _) => throw new NotSupportedException(),
            Build = build,
        };
        return await program.RunAsync(["--config", file]);
    }

    /// <summary>
    /// A host that is asked to stop, as by a signal, when it has started and its service runs. It has no time for it.
    /// </summary>
    private static IHost BuildWith(IHostedService service, Task begun, UrgentStop urgent)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        builder.Services.AddSingleton(service);
        var host = builder.Build();
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStarted.Register(() => _ = StopAsync());
        return host;

        async Task StopAsync()
        {
            await begun;
            await urgent.AskAsync();
            lifetime.StopApplication();
        }
    }

    public enum StopOf
    {
        Deaf,
        DeafInBackground,
        Canceled,
    }

    /// <summary>Ends when something else does, whatever its tokens say.</summary>
    private sealed class Deaf(TaskCompletionSource begun, Task end, bool obeysToken) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            begun.SetResult();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) =>
            obeysToken ? end.WaitAsync(cancellationToken) : end;
    }

    private sealed class DeafInBackground(TaskCompletionSource begun, Task end) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken)
        {
            begun.SetResult();
            return end;
        }
    }
}
