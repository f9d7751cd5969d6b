using System.Net.Sockets;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Running;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Heimdall.Core.Hosting;

/// <summary>The entry point of both processes: arguments, the configuration file, and how they fail.</summary>
public sealed class HostProgram
{
    internal const int Stopped = 0;
    internal const int Failed = 1;
    internal const int WrongArguments = 2; // as shells do
    internal const int StoppedAtOnce = 3;
    internal const int StoppedTooLate = 4;

    /// <summary>How much longer than the host's own limit a process may take to end.</summary>
    internal static readonly TimeSpan LastResort = TimeSpan.FromSeconds(3);

    /// <summary>What a process that was told to stop at once gets to roll back and hand back.</summary>
    private static readonly TimeSpan LastMoment = QueueServer.CancelTime + TimeSpan.FromSeconds(2);

    /// <summary>How long a process may take to answer how it is: its look at the store, and a moment.</summary>
    private static readonly TimeSpan HealthTimeout = StoreHealth.Timeout + TimeSpan.FromSeconds(2);

    /// <summary>What the process is called in messages.</summary>
    public required string Name { get; init; }

    /// <summary>Arguments that only this process takes, as its usage shows them.</summary>
    public string OwnUsage { get; init; } = "";

    /// <summary>Registers the plugins: the same lines for both processes.</summary>
    public required Action<IServiceCollection> AddPlugins { get; init; }

    /// <summary>What only this process can check of a configuration: problems by the path of their field.</summary>
    public Func<HeimdallConfig, IEnumerable<(string Path, string Message)>> FindProblems { get; init; } = _ => [];

    /// <summary>Asks the process that runs with this configuration how it is.</summary>
    public required Func<HeimdallConfig, CancellationToken, Task<HealthAnswer>> AskHealth { get; init; }

    /// <summary>Builds the host. The second argument reports the signals to stop.</summary>
    public required Func<HeimdallConfig, UrgentStop, IHost> Build { get; init; }

    /// <summary>Reads the arguments and the configuration, then does what they ask for.</summary>
    /// <returns>The process's exit code.</returns>
    public async Task<int> RunAsync(string[] args)
    {
        if (HostArguments.Parse(args) is not { } arguments)
        {
            await Console.Error.WriteLineAsync(
                $"usage: {Name} [--config FILE] [--check | --health | --migrate]{OwnUsage}");
            return WrongArguments;
        }
        try
        {
            var config = await LoadAsync(arguments.ConfigPath, AddPlugins);
            return arguments.Action == HostAction.AskHealth
                ? await AnswerAsync(config)
                : await CheckOrRunAsync(config, arguments);
        }
        catch (ConfigException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return Failed;
        }
        catch (HostStartException exception)
        {
            await Console.Error.WriteLineAsync($"{Name} cannot start: {exception.Message}");
            return Failed;
        }
        catch (IOException exception)
            when (exception.Message.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
        {
            await Console.Error.WriteLineAsync(
                $"{Name} cannot start: {exception.Message} Stop what listens there, or change server.listen.");
            return Failed;
        }
        catch (SocketException exception)
            when (exception.SocketErrorCode is SocketError.AccessDenied or SocketError.AddressNotAvailable)
        {
            await Console.Error.WriteLineAsync(
                $"{Name} cannot start: it cannot listen at server.listen: {exception.Message}. "
                + "Ports below 1024 need a privilege.");
            return Failed;
        }
    }

    internal static async Task<HeimdallConfig> LoadAsync(string path, Action<IServiceCollection> addPlugins) =>
        ConfigFile.Load(path, await FindPluginsAsync(addPlugins));

    private async Task<int> CheckOrRunAsync(HeimdallConfig config, HostArguments arguments)
    {
        var problems = FindProblems(config)
            .Select(found => new ConfigProblem(arguments.ConfigPath, Line: null, found.Path, found.Message)).ToArray();
        if (problems.Length > 0)
        {
            throw new ConfigException(problems);
        }
        if (arguments.Action == HostAction.Check)
        {
            Console.WriteLine($"{arguments.ConfigPath}: no problems found");
            return Stopped;
        }
        using var urgent = new UrgentStop();
        if (arguments.Action == HostAction.Migrate)
        {
            await MigrateAsync(Build(config, urgent));
            Console.WriteLine("the store's schema is up to date");
            return Stopped;
        }
        return await RunAsync(Build(config, urgent), urgent, Name);
    }

    /// <summary>
    /// Makes the tables, and writes nothing of the configuration file: older processes may work with another one. It
    /// waits while the store does not answer, and for locks.
    /// </summary>
    /// <exception cref="HostStartException">It cannot be done.</exception>
    private static async Task MigrateAsync(IHost unstarted)
    {
        await using var end = (IAsyncDisposable)unstarted;
        var startup = unstarted.Services.GetServices<IHostedService>().OfType<StoreStartup>().Single();
        if (await startup.MigrateAsync(CancellationToken.None) is { } reason)
        {
            throw new HostStartException($"The store's schema cannot be brought up to date. {reason}");
        }
    }

    private async Task<int> AnswerAsync(HeimdallConfig config)
    {
        HealthAnswer answer;
        using var bound = new CancellationTokenSource(HealthTimeout);
        try
        {
            answer = await AskHealth(config, bound.Token);
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested)
        {
            answer = new HealthAnswer(false, $"{Name} has not answered within {HealthTimeout.TotalSeconds:0} s");
        }
        Console.WriteLine(answer.Text);
        return answer.IsReady ? Stopped : Failed;
    }

    private static async Task<int> RunAsync(IHost host, UrgentStop urgent, string name)
    {
        var limit = host.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout;
        using var overdue = new CancellationTokenSource();
        using var registration = urgent.Asked.Register(() => overdue.CancelAfter(limit + LastResort));
        var running = RunToEndAsync(host);
        await Task.WhenAny(
            running, Task.Delay(Timeout.Infinite, urgent.Token), Task.Delay(Timeout.Infinite, overdue.Token));
        if (urgent.Token.IsCancellationRequested)
        {
            // Bounded: while the store is down nothing can be handed back. The leases then run out.
            await Task.WhenAny(running, Task.Delay(LastMoment));
            return StoppedAtOnce;
        }
        var exitCode = running.IsCompleted ? await running : StoppedTooLate;
        if (exitCode == StoppedTooLate)
        {
            await Console.Error.WriteLineAsync(
                $"A part of {name} has not stopped within {limit.TotalSeconds:0} s. The process ends now.");
        }
        return exitCode;
    }

    /// <summary>A host stops without an error when one of its services has failed, or has not ended in time.</summary>
    private static async Task<int> RunToEndAsync(IHost host)
    {
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        BackgroundService[] services = [.. host.Services.GetServices<IHostedService>().OfType<BackgroundService>()];
        var isOverdue = false;
        try
        {
            await host.RunAsync();
        }
        catch (Exception exception) when (lifetime.ApplicationStopping.IsCancellationRequested && IsCanceled(exception))
        {
            if (!lifetime.ApplicationStarted.IsCancellationRequested)
            {
                return Stopped; // the signal to stop has cancelled the start
            }
            isOverdue = true;
        }
        if (services.Any(service => service.ExecuteTask is { IsFaulted: true }))
        {
            return Failed;
        }
        isOverdue |= services.Any(service => service.ExecuteTask is { IsCompleted: false });
        return isOverdue ? StoppedTooLate : Stopped;
    }

    /// <summary>Several services that fail to stop make one exception.</summary>
    private static bool IsCanceled(Exception exception) => exception is OperationCanceledException
        || (exception is AggregateException several && several.InnerExceptions.All(IsCanceled));

    /// <summary>The plugins as they check a configuration, before there is one.</summary>
    private static async Task<PluginCatalog> FindPluginsAsync(Action<IServiceCollection> addPlugins)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(new HeimdallConfig());
        addPlugins(services);
        await using var provider = services.BuildServiceProvider();
        return new PluginCatalog(provider.GetServices<IPlugin>());
    }
}
