using System.Net;
using System.Net.Sockets;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Hooks;

/// <summary>
/// Connects to receivers, and to nothing else. A name is resolved here, each of its addresses is checked, and the
/// connection goes to an address that was checked: a name that leads elsewhere a moment later leads nowhere.
/// </summary>
/// <param name="targets">Where it may go.</param>
/// <param name="timeout">How long one attempt may take.</param>
internal sealed class TargetGuard(HookTargets targets, TimeSpan timeout)
{
    /// <exception cref="TargetRefusedException">The configuration does not allow it.</exception>
    /// <exception cref="SocketException">It could not be resolved or reached.</exception>
    public async Task<Socket> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var name = host.Trim('[', ']');
        if (!targets.Names(name))
        {
            throw new TargetRefusedException($"{name} is not in hooks.allow.");
        }
        IPAddress[] addresses = IPAddress.TryParse(name, out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(name, cancellationToken);
        foreach (var address in addresses)
        {
            if (!targets.Allows(address))
            {
                throw new TargetRefusedException(
                    $"{name} leads to {address}, which is not public and not in hooks.allow.");
            }
        }
        return await ConnectAsync(addresses, port, timeout, cancellationToken);
    }

    /// <summary>An address that is silent has its share of the time only: the next one may answer.</summary>
    internal static async Task<Socket> ConnectAsync(
        IReadOnlyList<IPAddress> addresses, int port, TimeSpan timeout, CancellationToken cancellationToken)
    {
        for (var tried = 1; ; tried++)
        {
            var address = addresses.Count > 0
                ? addresses[tried - 1]
                : throw new SocketException((int)SocketError.HostNotFound);
            using var share = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (tried < addresses.Count)
            {
                share.CancelAfter(timeout / addresses.Count);
            }
            try
            {
                return await ConnectAsync(new IPEndPoint(address, port), share.Token);
            }
            catch (SocketException) when (tried < addresses.Count)
            {
                // the next one may answer
            }
            catch (OperationCanceledException)
                when (tried < addresses.Count && !cancellationToken.IsCancellationRequested)
            {
                // the next one may answer
            }
        }
    }

    /// <exception cref="SocketException">Also where the machine has no such family of addresses.</exception>
    private static async Task<Socket> ConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A target that the configuration does not allow.</summary>
internal sealed class TargetRefusedException(string message) : Exception(message);
