using Heimdall.Core.Configuration;

namespace Heimdall.Api.Callers;

/// <summary>Whom this process knows: the keys and roles of the configuration file as it is now.</summary>
internal sealed class KnownCallers(AuthConfig config) : IDisposable
{
    private readonly bool _signsIn = config.Oidc is not null;
    private volatile CallersNow _state = new(config, new CancellationTokenSource());

    public AuthConfig Config => _state.Config;

    /// <summary>Whether browsers sign in: since the start, and in the file as it is now.</summary>
    public bool TakesSessions => _signsIn && Config.Oidc is not null;

    /// <summary>Cancelled with the next change: what was allowed before may not be any more.</summary>
    public CancellationToken Changed => _state.Changed.Token;

    /// <summary>Takes other keys and roles from now on.</summary>
    public void Change(AuthConfig config)
    {
        var old = _state;
        _state = new CallersNow(config, new CancellationTokenSource());
        old.Changed.Cancel();
    }

    public void Dispose() => _state.Changed.Dispose();

    private sealed record CallersNow(AuthConfig Config, CancellationTokenSource Changed);
}
