using Microsoft.AspNetCore.DataProtection.Internal;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Heimdall.Core.Secrets;

/// <summary>
/// The keys, which the framework reads once a day. A process that meets what another one has encrypted with a newer key
/// has them read again.
/// </summary>
internal sealed class KeyRing(
    IOptions<KeyManagementOptions> options, IActivator activator, ILoggerFactory loggers) : IKeyManager, IDisposable
{
    private readonly XmlKeyManager _keys = new(options, activator, loggers);
    private CancellationTokenSource _isOld = new();

    public IKey CreateNewKey(DateTimeOffset activationDate, DateTimeOffset expirationDate) =>
        _keys.CreateNewKey(activationDate, expirationDate);

    public IReadOnlyCollection<IKey> GetAllKeys() => _keys.GetAllKeys();

    public CancellationToken GetCacheExpirationToken() => CancellationTokenSource.CreateLinkedTokenSource(
        _keys.GetCacheExpirationToken(), Volatile.Read(ref _isOld).Token).Token;

    public void RevokeKey(Guid keyId, string? reason = null) => _keys.RevokeKey(keyId, reason);

    public void RevokeAllKeys(DateTimeOffset revocationDate, string? reason = null) =>
        _keys.RevokeAllKeys(revocationDate, reason);

    /// <summary>Has the keys read again when one is needed next.</summary>
    public void Forget() => Interlocked.Exchange(ref _isOld, new CancellationTokenSource()).Cancel();

    public void Dispose() => _isOld.Dispose();
}
