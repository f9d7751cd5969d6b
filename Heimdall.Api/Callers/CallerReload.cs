using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Callers;

/// <summary>
/// Looks whether the configuration file has changed, and takes its keys and roles without a restart: a key that leaked
/// is refused within seconds. It reads the file, because tools that deploy often replace a link: the time of the file
/// then says nothing. All else in the file is read at the start only.
/// </summary>
internal sealed partial class CallerReload(
    HeimdallConfig started, KnownCallers known, PluginCatalog plugins, TimeProvider time, ILogger<CallerReload> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private string? _text;
    private string _taken = Describe(started.Auth);
    private string? _problem;

    /// <summary>Looks once at the file.</summary>
    internal void Look()
    {
        try
        {
            var text = File.ReadAllText(started.SourceFile);
            var auth = text == _text ? known.Config : ConfigFile.Load(started.SourceFile, plugins).Auth;
            if (FindObstacle(auth) is { } obstacle)
            {
                Report(obstacle);
                return;
            }
            if (Describe(auth) is var now && now != _taken)
            {
                Take(auth);
                _taken = now;
            }
            (_text, _problem) = (text, null);
        }
        catch (Exception exception) when (exception is ConfigException or SecretReferenceException or IOException or UnauthorizedAccessException)
        {
            Report(exception.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Look();
        }
    }

    private string? FindObstacle(AuthConfig auth) => (known.Config.IsConfigured, auth.IsConfigured) switch
    {
        (true, false) =>
            "auth: is gone, and a running server does not open itself to everybody; restart it if that is meant",
        (false, true) => "auth: is new; restart the server for it",
        _ => null,
    };

    private void Take(AuthConfig auth)
    {
        var old = known.Config;
        if (auth.Header != old.Header || auth.Jwt != old.Jwt || !auth.TrustedProxies.SequenceEqual(old.TrustedProxies))
        {
            LogNeedsRestart();
        }
        known.Change(auth with { }); // another one also where only a file with a hash has changed
        LogTaken(auth.ApiKeys.Length, auth.Roles.Length);
    }

    /// <summary>Reports a problem once.</summary>
    private void Report(string problem)
    {
        if (problem != _problem)
        {
            LogNotTaken(problem);
        }
        _problem = problem;
    }

    /// <summary>All that decides who may do what, with the hashes that the file only refers to.</summary>
    private static string Describe(AuthConfig auth) => string.Join(
        '\n', [JsonSerializer.Serialize(auth), .. auth.ApiKeys.Select(key => SecretReferences.Resolve(key.Hash))]);

    [LoggerMessage(
        LogLevel.Information,
        "The configuration file has changed: {Keys} API keys and {Roles} entries of auth.roles are in effect")]
    private partial void LogTaken(int keys, int roles);

    [LoggerMessage(
        LogLevel.Warning, "auth.header, auth.trusted_proxies or auth.jwt has changed, and is in effect after a restart")]
    private partial void LogNeedsRestart();

    [LoggerMessage(
        LogLevel.Error, "The changed configuration file is not used, and the keys and roles before it stay: {Problem}")]
    private partial void LogNotTaken(string problem);
}
