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
    private AuthConfig _auth = started.Auth;
    private string _taken = Describe(Resolve(started.Auth));
    private string? _problem;

    /// <summary>Looks once at the file.</summary>
    internal void Look()
    {
        try
        {
            var text = File.ReadAllText(started.SourceFile);
            if (text == _text && Describe(Resolve(_auth)) == _taken)
            {
                return;
            }
            var auth = ConfigFile.Load(started.SourceFile, plugins).Auth; // checks also what keys refer to
            if (FindObstacle(auth) is { } obstacle)
            {
                Report(obstacle);
                return;
            }
            var resolved = Resolve(auth);
            if (Describe(resolved) is var now && now != _taken)
            {
                Take(resolved);
                _taken = now;
            }
            (_auth, _text, _problem) = (auth, text, null);
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
        if (auth.Header != old.Header || auth.Jwt != old.Jwt || !auth.TrustedProxies.SequenceEqual(old.TrustedProxies)
            || JsonSerializer.Serialize(auth.Oidc) != JsonSerializer.Serialize(old.Oidc))
        {
            LogNeedsRestart();
        }
        known.Change(auth);
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

    /// <summary>With the hashes that the file only refers to, as they are now.</summary>
    private static AuthConfig Resolve(AuthConfig auth) => auth with
    {
        ApiKeys = [.. auth.ApiKeys.Select(key => key with { Hash = SecretReferences.Resolve(key.Hash) })],
    };

    private static string Describe(AuthConfig auth) => JsonSerializer.Serialize(auth);

    [LoggerMessage(
        LogLevel.Information,
        "The configuration file has changed: {Keys} API keys and {Roles} entries of auth.roles are in effect")]
    private partial void LogTaken(int keys, int roles);

    [LoggerMessage(
        LogLevel.Warning,
        "auth.header, auth.trusted_proxies, auth.jwt or auth.oidc has changed, and is in effect after a restart")]
    private partial void LogNeedsRestart();

    [LoggerMessage(
        LogLevel.Error, "The changed configuration file is not used, and the keys and roles before it stay: {Problem}")]
    private partial void LogNotTaken(string problem);
}
