using System.Net;
using System.Net.Sockets;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hooks;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>
/// Where messages may go: hosts by the list, and addresses that are not public by an entry of their own.
/// </summary>
public sealed class HookTargetsTests
{
    [TestCase("hooks.example.org", true)]
    [TestCase("HOOKS.example.org", true)]
    [TestCase("a.below.example.com", true)]
    [TestCase("example.com", false)]
    [TestCase("hooks.example.org.evil.test", false)]
    [TestCase("evilbelow.example.com.test", false)]
    [TestCase("10.1.2.3", true)]
    [TestCase("::ffff:10.1.2.3", true)]
    [TestCase("11.1.2.3", false)]
    public void A_host_must_be_on_the_list(string host, bool isAllowed)
    {
        var targets = new HookTargets(["hooks.example.org", "*.example.com", "10.0.0.0/8"]);

        Assert.That(targets.Names(host), Is.EqualTo(isAllowed));
    }

    [TestCase("127.0.0.1")]
    [TestCase("127.8.9.1")]
    [TestCase("0.0.0.0")]
    [TestCase("10.0.0.1")]
    [TestCase("100.64.0.1")]
    [TestCase("168.63.129.16")]
    [TestCase("169.254.169.254")]
    [TestCase("172.31.255.255")]
    [TestCase("192.168.1.1")]
    [TestCase("198.19.0.1")]
    [TestCase("224.0.0.1")]
    [TestCase("255.255.255.255")]
    [TestCase("::")]
    [TestCase("::1")]
    [TestCase("::ffff:127.0.0.1")]
    [TestCase("::ffff:169.254.169.254")]
    [TestCase("64:ff9b::7f00:1")]
    [TestCase("fe80::1")]
    [TestCase("fc00::1")]
    [TestCase("fd00:ec2::254")]
    [TestCase("2002:7f00:1::")]
    [TestCase("2001:db8::1")]
    [TestCase("ff02::1")]
    public void An_address_that_is_not_public_is_refused(string address) =>
        Assert.That(new HookTargets(["example.org", "*.example.org"]).Allows(IPAddress.Parse(address)), Is.False);

    [TestCase("93.184.216.34")]
    [TestCase("172.32.0.1")]
    [TestCase("2606:2800:220:1::1")]
    [TestCase("::ffff:93.184.216.34")]
    public void A_public_one_is_not(string address) =>
        Assert.That(new HookTargets(["example.org"]).Allows(IPAddress.Parse(address)), Is.True);

    [Test]
    public void A_network_of_the_list_opens_its_addresses_and_no_others()
    {
        var targets = new HookTargets(["chat.internal", "10.20.0.0/16", "::1"]);

        Assert.That(targets.Allows(IPAddress.Parse("10.20.3.4")), Is.True);
        Assert.That(targets.Allows(IPAddress.Parse("::ffff:10.20.3.4")), Is.True);
        Assert.That(targets.Allows(IPAddress.Parse("10.21.3.4")), Is.False);
        Assert.That(targets.Allows(IPAddress.Parse("::1")), Is.True);
        Assert.That(targets.Allows(IPAddress.Parse("127.0.0.1")), Is.False);
    }

    [Test]
    [CancelAfter(60_000)]
    public async Task An_address_that_is_silent_leaves_time_for_the_next(CancellationToken cancellationToken)
    {
        using var live = new TcpListener(IPAddress.Parse("127.0.0.4"), 0);
        live.Start();
        var port = ((IPEndPoint)live.LocalEndpoint).Port;
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var address = IPAddress.Parse("127.0.0.5");
        silent.Bind(new IPEndPoint(address, port));
        silent.Listen(backlog: 0);
        var others = Enumerable.Range(0, 8)
            .Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToArray();
        var waiting = others.Select(other => other.ConnectAsync(address, port, cancellationToken).AsTask()).ToArray();
        await Task.WhenAny(waiting); // nobody accepts: those that come when the backlog is full wait

        using var socket = await TargetGuard.ConnectAsync(
            [address, IPAddress.Parse("127.0.0.4")], port, TimeSpan.FromSeconds(4), cancellationToken);

        Assert.That(((IPEndPoint)socket.RemoteEndPoint!).Address, Is.EqualTo(IPAddress.Parse("127.0.0.4")));
        Array.ForEach(others, other => other.Dispose());
        await Task.WhenAll(waiting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [Test]
    public void The_pauses_grow_up_to_two_hours_and_the_last_attempt_comes_at_the_end()
    {
        var first = TimeSpan.FromSeconds(5);
        var day = TimeSpan.FromDays(1);
        TimeSpan After(int failures, TimeSpan? asked = null, TimeSpan? left = null, double chance = 0.5) =>
            Core.Hooks.RetryPause.After(first, failures, asked, left ?? day, chance);

        Assert.That(After(1), Is.EqualTo(first));
        Assert.That(After(2), Is.EqualTo(TimeSpan.FromSeconds(20)));
        Assert.That(After(100), Is.EqualTo(TimeSpan.FromHours(2)));
        Assert.That(After(1, chance: 0), Is.EqualTo(first * 0.75));
        Assert.That(After(1, chance: 1), Is.EqualTo(first * 1.25));
        Assert.That(After(1, asked: TimeSpan.FromMinutes(1)), Is.EqualTo(TimeSpan.FromMinutes(1)));
        Assert.That(After(1, asked: TimeSpan.FromDays(9)), Is.EqualTo(TimeSpan.FromHours(2)));
        Assert.That(After(9, left: TimeSpan.FromMinutes(3)), Is.EqualTo(TimeSpan.FromMinutes(3)));
    }
}
