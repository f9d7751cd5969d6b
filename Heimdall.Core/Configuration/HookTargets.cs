using System.Net;
using System.Text.RegularExpressions;

namespace Heimdall.Core.Configuration;

/// <summary>
/// Where messages may be sent, as <c>hooks.allow</c> says. A host must be on the list. So must each of its addresses
/// that is not public, by itself or by its network: a name may lead anywhere.
/// </summary>
public sealed partial class HookTargets
{
    // What is not here is public: https://www.iana.org/assignments/iana-ipv4-special-registry
    // 168.63.129.16 is that of Azure's platform, inside of each machine there.
    private static readonly IPNetwork[] NotPublic =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        }.Select(network => IPNetwork.Parse(network)),
    ];

    // Of IPv6 only this is routed between networks; what is in none of it is for special use, or leads to IPv4.
    private static readonly IPNetwork PublicV6 = IPNetwork.Parse("2000::/3");

    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _endings = [];
    private readonly List<IPNetwork> _networks = [];

    public HookTargets(IEnumerable<string> allow)
    {
        foreach (var entry in allow)
        {
            if (AddressRange.TryRead(entry, out var network))
            {
                _networks.Add(network);
            }
            else if (entry.StartsWith("*.", StringComparison.Ordinal))
            {
                _endings.Add(entry[1..]);
            }
            else
            {
                _names.Add(entry);
            }
        }
    }

    /// <returns>What is wrong with an entry of the list, or null.</returns>
    internal static string? FindProblem(string entry) =>
        AddressRange.TryRead(entry, out _) || (HostName().IsMatch(entry) && !LooksLikeAddress().IsMatch(entry))
            ? null
            : "must be a host name such as hooks.example.org, *.example.org, an address, or a network such as "
                + "10.0.0.0/8";

    /// <summary>Whether a host is on the list: a name, or an address that is in one of its networks.</summary>
    public bool Names(string host) => IPAddress.TryParse(host, out var address)
        ? IsInNetwork(Plain(address))
        : _names.Contains(host) || _endings.Any(ending => host.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether an address that a name of the list leads to may be reached.</summary>
    public bool Allows(IPAddress address)
    {
        var plain = Plain(address);
        return IsPublic(plain) || IsInNetwork(plain);
    }

    /// <summary>An IPv4 address that is written as one of IPv6 is what it stands for.</summary>
    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static bool IsPublic(IPAddress address) =>
        (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork || PublicV6.Contains(address))
        && !NotPublic.Any(network => network.Contains(address));

    private bool IsInNetwork(IPAddress address) => _networks.Exists(network => network.Contains(address));

    [GeneratedRegex(@"^(\*\.)?(?!-)[A-Za-z0-9_-]+(?<!-)(\.(?!-)[A-Za-z0-9_-]+(?<!-))*\z")]
    private static partial Regex HostName();

    [GeneratedRegex(@"^[0-9.]+\z")]
    private static partial Regex LooksLikeAddress();
}
