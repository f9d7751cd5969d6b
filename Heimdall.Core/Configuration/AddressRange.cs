using System.Net;

namespace Heimdall.Core.Configuration;

/// <summary>Addresses as the configuration writes them: one, or a network such as <c>10.0.0.0/24</c>.</summary>
public static class AddressRange
{
    public static bool TryRead(string text, out IPNetwork network)
    {
        if (text.Contains('/'))
        {
            return IPNetwork.TryParse(text, out network)
                && IPAddress.TryParse(text.Split('/')[0], out var first) && first.Equals(network.BaseAddress);
        }
        var isAddress = IPAddress.TryParse(text, out var address) && text.AsSpan().ContainsAny('.', ':');
        network = isAddress ? new IPNetwork(address!, address!.GetAddressBytes().Length * 8) : default;
        return isAddress;
    }
}
