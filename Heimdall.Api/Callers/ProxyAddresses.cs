using System.Net;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Callers;

/// <summary>The proxies whose header names the user.</summary>
internal sealed class ProxyAddresses(AuthConfig config)
{
    private readonly IPNetwork[] _networks =
        [.. config.TrustedProxies.Select(Read)];

    public bool Include(IPAddress? address)
    {
        var plain = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
        return plain is not null && _networks.Any(network => network.Contains(plain));
    }

    /// <summary>The configuration has been checked. What cannot be read must not become a network of all.</summary>
    private static IPNetwork Read(string text) => AddressRange.TryRead(text, out var network)
        ? network
        : throw new InvalidOperationException($"auth.trusted_proxies: {text} is no address.");
}
