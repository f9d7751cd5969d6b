using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Npgsql;

namespace Heimdall.Core.Secrets;

/// <summary>
/// Encrypts what must not lie in the store as it is. What is sealed for one owner, such as a job, can be opened for no
/// other.
/// </summary>
public sealed class SecretBox
{
    private const string Purpose = "heimdall.secrets";

    /// <summary>Four bytes that are always the same stand before the id of the key.</summary>
    private const int KeyIdAt = 4;

    private const int KeyIdLength = 16;

    private const int Tries = 20;

    private static readonly TimeSpan TryInterval = TimeSpan.FromMilliseconds(50);

    private readonly IDataProtectionProvider _provider;
    private readonly IKeyManager _keys;
    private readonly bool _isRingInStore;

    /// <param name="provider">Encrypts.</param>
    /// <param name="keys">The key ring.</param>
    /// <param name="isRingInStore">
    /// Else it is in a directory. One that is not mounted looks as if it had no keys.
    /// </param>
    public SecretBox(IDataProtectionProvider provider, IKeyManager keys, bool isRingInStore) =>
        (_provider, _keys, _isRingInStore) = (provider, keys, isRingInStore);

    /// <param name="owner">Whose it is, such as <c>job/</c> with an id.</param>
    /// <param name="text">What is to be secret.</param>
    /// <exception cref="NpgsqlException">The keys are in the store, which cannot be read.</exception>
    public SealedText Seal(string owner, string text)
    {
        try
        {
            return new SealedText(
                owner, Convert.ToBase64String(ProtectorOf(owner).Protect(Encoding.UTF8.GetBytes(text))));
        }
        catch (CryptographicException exception)
        {
            ThrowIfStoreIsAway(exception);
            throw;
        }
    }

    /// <exception cref="SecretLostException">The key is gone, or this is not what was sealed.</exception>
    /// <exception cref="NpgsqlException">The keys are in the store, which cannot be read.</exception>
    public string Open(SealedText seal)
    {
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(seal.Text);
        }
        catch (FormatException exception)
        {
            throw new SecretLostException(exception, isForGood: true);
        }
        var protector = ProtectorOf(seal.Owner);
        for (var tries = 1; ; tries++)
        {
            try
            {
                return Encoding.UTF8.GetString(protector.Unprotect(bytes));
            }
            catch (CryptographicException exception)
            {
                ThrowIfStoreIsAway(exception);
                if (FindLoss(bytes, exception) is { } lost)
                {
                    throw lost;
                }
                if (tries == Tries)
                {
                    throw new SecretLostException(exception, isForGood: true); // it is not what was sealed
                }
                // Another process has made the key since this one last read them. They are read in the background.
                (_keys as KeyRing)?.Forget();
                Thread.Sleep(TryInterval);
            }
        }
    }

    private IDataProtector ProtectorOf(string owner) => _provider.CreateProtector(Purpose, owner);

    /// <returns>Null where the key is in the ring, and can be used here: it has to be read.</returns>
    private SecretLostException? FindLoss(byte[] bytes, CryptographicException reason)
    {
        if (bytes.Length < KeyIdAt + KeyIdLength)
        {
            return new SecretLostException(reason, isForGood: true);
        }
        var id = new Guid(bytes.AsSpan(KeyIdAt, KeyIdLength));
        try
        {
            var found = _keys.GetAllKeys().FirstOrDefault(key => key.KeyId == id && !key.IsRevoked);
            return found is null ? new SecretLostException(reason, isForGood: _isRingInStore)
                : found.CreateEncryptor() is null ? new SecretLostException(reason, isForGood: false)
                : null;
        }
        catch (Exception exception) when (exception is CryptographicException or IOException
            or UnauthorizedAccessException)
        {
            return new SecretLostException(exception, isForGood: false);
        }
    }

    private static void ThrowIfStoreIsAway(CryptographicException exception)
    {
        for (var inner = exception.InnerException; inner is not null; inner = inner.InnerException)
        {
            if (inner is NpgsqlException)
            {
                ExceptionDispatchInfo.Throw(inner);
            }
        }
    }
}

/// <summary>What was encrypted, and for whom.</summary>
public sealed record SealedText(string Owner, string Text);

/// <summary>What was sealed cannot be read.</summary>
public sealed class SecretLostException(Exception reason, bool isForGood) : Exception(
    "It was encrypted with a key that this process does not find in the key ring, or cannot use.", reason)
{
    /// <summary>
    /// Whether nobody can read it any more. Else the key is there, and cannot be used here: the certificate may be
    /// missing, or the directory. Another process may be able to, or this one later.
    /// </summary>
    public bool IsForGood { get; } = isForGood;
}
