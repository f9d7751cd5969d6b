using System.Net;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Callers;

/// <summary>The proxies whose header names the user.</summary>
internal sealed class ProxyAddresses(AuthConfig config)
{
    private readonly IPNetwork[] _networks =
        [.. config.TrustedProxies.Select(text => AddressRange.TryRead(text, out var network) ? network : default)];

    public bool Include(IPAddress? address)
    {
        var plain = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
        return plain is not null && _networks.Any(network => network.Contains(plain));
    }
}
