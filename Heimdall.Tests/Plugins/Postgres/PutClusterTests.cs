using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres;
using Heimdall.Plugins.Postgres.Sessions;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>
/// A cluster that somebody has sent uses no secret of the machine. It runs alone, for the environment is everybody's.
/// </summary>
[NonParallelizable]
[CancelAfter(60_000)]
public sealed class PutClusterTests
{
    private const string OfMachine = "of-the-machine";

    [TestCase(false, "of-the-machine")]
    [TestCase(true, null)]
    public async Task No_password_of_this_machine_is_sent_to_a_host_that_was_put(
        bool isPut, string? sent, CancellationToken cancellationToken)
    {
        await using var connections = new ClusterConnections(NullLogger<ClusterConnections>.Instance);
        var plugin = new PostgresPlugin(connections, new ScriptFolder(Path.GetTempPath()), TimeProvider.System);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var cluster = new PluginCluster("elsewhere", new JsonObject
        {
            ["connection_string"] =
                $"postgresql://u@127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/d?sslmode=disable",
        })
        {
            IsPut = isPut,
        };
        Environment.SetEnvironmentVariable("PGPASSWORD", OfMachine);
        try
        {
            var asked = AskForPasswordAsync(listener, cancellationToken);

            Assert.That(
                async () => await plugin.ProbeAsync(cluster, cancellationToken), Throws.InstanceOf<Exception>());

            Assert.That(await asked, Is.EqualTo(sent));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PGPASSWORD", null);
        }
    }

    /// <summary>As a server that wants the password as it is.</summary>
    /// <returns>Null when none was sent.</returns>
    private static async Task<string?> AskForPasswordAsync(TcpListener listener, CancellationToken cancellationToken)
    {
        using var client = await listener.AcceptTcpClientAsync(cancellationToken);
        var stream = client.GetStream();
        await ReadAsync(stream, cancellationToken); // the start of a session
        await stream.WriteAsync(new byte[] { (byte)'R', 0, 0, 0, 8, 0, 0, 0, 3 }, cancellationToken);
        var isSent = await stream.ReadAsync(new byte[1], cancellationToken) == 1;
        var password = isSent
            ? Encoding.UTF8.GetString(await ReadAsync(stream, cancellationToken)).TrimEnd('\0')
            : null;
        listener.Stop();
        return password;
    }

    /// <returns>What follows the length of a message.</returns>
    private static async Task<byte[]> ReadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var length = new byte[4];
        await stream.ReadExactlyAsync(length, cancellationToken);
        var body = new byte[BinaryPrimitives.ReadInt32BigEndian(length) - length.Length];
        await stream.ReadExactlyAsync(body, cancellationToken);
        return body;
    }
}
