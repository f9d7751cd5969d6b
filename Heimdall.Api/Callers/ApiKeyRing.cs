using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Callers;

/// <summary>
/// Keys that stand for a user. Only a salt and SHA-256(salt ‖ key) are configured: a key has 256 random bits, so a slow
/// password hash would only slow down each request.
/// </summary>
internal sealed class ApiKeyRing(KnownCallers known)
{
    private const int KeyBytes = 32;
    private const int SaltBytes = 16;
    private const int IdBytes = 8;

    private volatile KeyHashes _ring = KeyHashes.Of(known.Config);

    /// <summary>Makes a new key and what to write into the configuration for it.</summary>
    public static (string Key, string Hash) Create()
    {
        var key = "hk_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(KeyBytes));
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return (key, $"sha256:{Convert.ToBase64String(salt)}:{Convert.ToBase64String(HashOf(salt, key))}");
    }

    /// <summary>The keys that are configured now.</summary>
    public IEnumerable<KnownKey> All => Current().Keys.Select(key => key.Key);

    /// <returns>What is configured of a key, or null when it is none of ours.</returns>
    public KnownKey? Find(string key)
    {
        KnownKey? found = null;
        foreach (var (config, salt, hash) in Current().Keys)
        {
            // No early end: the time says nothing about which key came close.
            if (CryptographicOperations.FixedTimeEquals(HashOf(salt, key), hash))
            {
                found = config;
            }
        }
        return found;
    }

    private KeyHashes Current()
    {
        var ring = _ring;
        if (!ReferenceEquals(ring.Source, known.Config))
        {
            _ring = ring = KeyHashes.Of(known.Config);
        }
        return ring;
    }

    private static byte[] HashOf(byte[] salt, string key) => SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(key)]);

    private static (KnownKey Key, byte[] Salt, byte[] Hash) Parse(ApiKeyConfig config)
    {
        var text = SecretReferences.Resolve(config.Hash);
        var parts = text.Split(':');
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, IdBytes));
        return (new KnownKey(id, config), Convert.FromBase64String(parts[1]), Convert.FromBase64String(parts[2]));
    }

    private sealed record KeyHashes(AuthConfig Source, (KnownKey Key, byte[] Salt, byte[] Hash)[] Keys)
    {
        public static KeyHashes Of(AuthConfig config) => new(config, [.. config.ApiKeys.Select(Parse)]);
    }
}

/// <summary>A key that is configured.</summary>
/// <param name="Id">Tells it from others, and nothing of what it is made of: a part of the SHA-256 of its entry.</param>
/// <param name="Config">The entry.</param>
internal sealed record KnownKey(string Id, ApiKeyConfig Config);
