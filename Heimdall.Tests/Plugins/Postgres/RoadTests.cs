using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>The ways to a server, and what looks after them.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class RoadTests
{
    private const int LinuxTcp = 6;
    private const int LinuxTcpUserTimeout = 18;

    private PluginTestServer _server = null!;
    private string _socket = null!;
    private string _database = null!;
    private string _user = null!;
    private int _port;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        _socket = (await _server.ScalarAsync<string>("select split_part(current_setting('unix_socket_directories'), ',', 1)"))!;
        var settings = new NpgsqlConnectionStringBuilder(_server.ConnectionString);
        (_database, _user, _port) = (settings.Database!, settings.Username!, settings.Port);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("postgresql:///{0}?host={1}&port={3}&user={2}")]
    [TestCase("postgresql://{2}@{4}:{3}/{0}")]
    [TestCase("host={1} port={3} user={2} dbname={0} keepalives_count=3 tcp_user_timeout=5000")]
    [TestCase("Host={1};Port={3};Username={2};Database={0};TCP Keepalive=true")]
    [TestCase("postgresql://{2}@127.0.0.1,{4}/{0}?port=1,{3}", Description = "no server at the first")]
    [TestCase("host={1},127.0.0.1 port={3},{3} user={2} dbname={0} sslmode=verify-full")]
    [TestCase(
        "host=127.0.0.1,{1} port={3},{3} user={2} dbname={0} sslmode=require", Description = "no TLS at the first")]
    [TestCase(
        "host={1},127.0.0.1 port={3},{3} user={2} dbname={0} sslmode=require target_session_attrs=prefer-standby",
        Description = "no standby in the list")]
    public async Task A_socket_takes_queries_batches_and_their_end(string form, CancellationToken cancellationToken)
    {
        var cluster = Cluster(string.Format(null, form, _database, _socket, _user, _port, Uri.EscapeDataString(_socket)));
        var results = new FakeResultWriter();
        var query = _server.Query("select inet_client_addr() is null", results) with { TargetCluster = cluster };
        var batch = _server.Batch("select 1; select pg_sleep(600);") with { TargetCluster = cluster };
        var monitor = new FakeJobMonitor();

        await _server.Plugin.ProbeAsync(cluster, cancellationToken);
        await _server.Plugin.RunAsync(query, new FakeJobMonitor(), cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = _server.Plugin.RunAsync(batch, monitor, stop.Token);
        await Eventually.Is(() => Task.FromResult(!monitor.Out.IsEmpty), cancellationToken);
        await stop.CancelAsync();

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "t" }));
        Assert.That(async () => await run, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await _server.BackendsAsync(batch.Id), Is.Zero);
    }

    [TestCase("", 1, 4, 1, 8, null)]
    [TestCase("&keepalives=0", 0, null, null, null, null)]
    [TestCase("&keepalives_idle=7&keepalives_interval=3&keepalives_count=4&tcp_user_timeout=5000", 1, 7, 3, 4, 5000)]
    public async Task The_operating_system_looks_after_a_silent_server(
        string options, int on, int? idle, int? interval, int? count, int? timeout)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint);

        SocketOptions.Set(socket, ConnectionString.Read($"postgresql://u@127.0.0.1/d?sslmode=disable{options}"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Value(SocketOptionLevel.Socket, SocketOptionName.KeepAlive) != 0, Is.EqualTo(on == 1));
            IsSet(SocketOptionName.TcpKeepAliveTime, idle);
            IsSet(SocketOptionName.TcpKeepAliveInterval, interval);
            IsSet(SocketOptionName.TcpKeepAliveRetryCount, count);
            if (timeout is not null && OperatingSystem.IsLinux())
            {
                var bytes = new byte[sizeof(int)];
                socket.GetRawSocketOption(LinuxTcp, LinuxTcpUserTimeout, bytes);
                Assert.That(BitConverter.ToInt32(bytes), Is.EqualTo(timeout));
            }
        }

        int Value(SocketOptionLevel level, SocketOptionName name) => (int)socket.GetSocketOption(level, name)!;

        void IsSet(SocketOptionName name, int? expected)
        {
            if (expected is not null)
            {
                Assert.That(Value(SocketOptionLevel.Tcp, name), Is.EqualTo(expected), name.ToString());
            }
        }
    }

    [TestCase(1, Description = "what is sent is waited for")]
    [TestCase(16_000_000, Description = "more is sent than the operating system holds")]
    [Platform("Linux")]
    public async Task A_server_that_vanishes_with_something_on_its_way_is_noticed(
        int length, CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_server.ConnectionString);
        var cluster = Cluster(
            $"host=127.0.0.1 port={proxy.Port} user={_user} dbname={_database} "
            + "keepalives_idle=1 keepalives_interval=1 keepalives_count=1");
        var job = _server.Batch($"select '{new string('x', length)}'") with { TargetCluster = cluster };
        var monitor = new FakeJobMonitor
        {
            OnEvidence = _ =>
            {
                proxy.Vanish();
                return Task.CompletedTask;
            },
        };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, monitor, cancellationToken))).Failure;

        Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Unavailable, true)), failure.Message);
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_server_that_reads_nothing_for_long_is_waited_for(CancellationToken cancellationToken)
    {
        var cluster = Cluster(
            $"host=127.0.0.1 port={_port} user={_user} dbname={_database} "
            + "keepalives_idle=1 keepalives_interval=1 keepalives_count=1");
        var job = _server.Batch($"select pg_sleep(8); select '{new string('x', 16_000_000)}'");
        job = job with { TargetCluster = cluster };

        var progress = await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(2));
    }

    [Test]
    public async Task A_probe_does_not_take_a_dead_connection_of_the_pool_for_a_dead_server(
        CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        for (var probe = 0; probe < 3; probe++)
        {
            await server.Plugin.ProbeAsync(server.Cluster, cancellationToken);
            await server.ScalarAsync<long>(
                """
                select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
                where application_name = 'heimdall control' and datname = current_database()
                """,
                cancellationToken);
        }

        Assert.That(async () => await server.Plugin.ProbeAsync(server.Cluster, cancellationToken), Throws.Nothing);
    }

    private static PluginCluster Cluster(string connectionString) =>
        new($"cluster_{Guid.NewGuid():N}", new JsonObject { ["connection_string"] = connectionString });
}
