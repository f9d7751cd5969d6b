using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;
using Npgsql;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Clusters that are reached by TLS.</summary>
[CancelAfter(120_000)]
[UnsupportedOSPlatform("windows")]
public sealed class TlsRoadTests() : RealProcessTests(processes: 1)
{
    private const string Host = "db.example";
    private const int TlsHeader = 5;

    // https://www.postgresql.org/docs/current/protocol-message-formats.html
    private static readonly byte[] _tlsRequest = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-tls").FullName;
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _stranger = new();
    private RestartableServer _postgres = null!;
    private PluginTestServer _server = null!;
    private string _data = null!;
    private string _database = null!;
    private int _port;

    [OneTimeSetUp]
    public async Task Start()
    {
        _postgres = await RestartableServer.StartAsync();
        _server = await PluginTestServer.StartAsync(_postgres.ConnectionString);
        var settings = new NpgsqlConnectionStringBuilder(_server.ConnectionString);
        (_database, _port) = (settings.Database!, settings.Port);
        _data = (await _server.ScalarAsync<string>("show data_directory"))!;
        await File.WriteAllTextAsync(Path.Combine(_folder, "root.crt"), _authority.Root);
        await File.WriteAllTextAsync(Path.Combine(_folder, "stranger.crt"), _stranger.Root);
        Write(_authority.Issue("certain"), _folder, "client");
        await WriteForServerAsync("root.crt", _authority.Authorities);
        await _server.ExecuteAsync("create role certain login");
        await UseAsync(_authority.Issue("server"));
        await _server.ExecuteAsync("alter system set ssl_ca_file = 'root.crt'");
        await _server.ExecuteAsync("alter system set ssl = on");
        await ReloadAsync();
        await WriteForServerAsync(
            "pg_hba.conf", "hostssl all certain 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n");
        await ReloadAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        await _server.DisposeAsync();
        await _postgres.DisposeAsync();
        _authority.Dispose();
        _stranger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestCase("sslmode=verify-full&sslrootcert={root}", null)]
    [TestCase("sslmode=verify-ca&sslrootcert={root}", null)]
    [TestCase("sslmode=require", null)]
    [TestCase("sslmode=require&sslsni=0", null)]
    [TestCase("sslmode=verify-full&sslrootcert={root}", "TLSv1.3")]
    [TestCase("sslmode=verify-full&sslrootcert={root}&ssl_max_protocol_version=TLSv1.2", "TLSv1.2")]
    public async Task A_certificate_that_is_right_is_accepted(
        string options, string? version, CancellationToken cancellationToken) =>
        Assert.That(
            await AskAsync(options, "select ssl::text || case when '{0}' = '' then '' else version end", version, cancellationToken),
            Is.EqualTo($"true{version}"));

    [TestCase("another name", "sslmode=verify-full&sslrootcert={root}", false)]
    [TestCase("another name", "sslmode=verify-ca&sslrootcert={root}", true)]
    [TestCase("expired", "sslmode=verify-full&sslrootcert={root}", false)]
    [TestCase("expired", "sslmode=require", true)]
    [TestCase("a stranger's", "sslmode=verify-full&sslrootcert={root}", false)]
    [TestCase("a stranger's", "sslmode=verify-ca&sslrootcert={root}", false)]
    [TestCase("a stranger's", "sslmode=require&sslrootcert={root}", false)]
    [TestCase("a stranger's", "sslmode=require", true)]
    public async Task A_certificate_that_is_wrong_is_refused_where_it_is_checked(
        string which, string options, bool isAccepted, CancellationToken cancellationToken)
    {
        await UseAsync(which switch
        {
            "another name" => _authority.Issue("server", host: Host),
            "expired" => _authority.Issue("server", isExpired: true),
            _ => _stranger.Issue("server"),
        });
        await ReloadAsync();
        try
        {
            if (isAccepted)
            {
                Assert.That(await AskAsync(options, "select ssl::text", null, cancellationToken), Is.EqualTo("true"));
                return;
            }

            var failure = await FailAsync(options, cancellationToken);
            Assert.That((failure.Kind, failure.IsTransient), Is.EqualTo((JobFailureKind.Unavailable, false)));
            Assert.That(failure.Message, Does.Contain("certificate was not accepted"));
        }
        finally
        {
            await UseAsync(_authority.Issue("server"));
            await ReloadAsync();
        }
    }

    [Test]
    public async Task A_server_whose_versions_of_tls_are_all_too_old_is_refused(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("alter system set ssl_max_protocol_version = 'TLSv1.2'");
        await ReloadAsync();
        try
        {
            var version = await AskAsync("sslmode=require", "select version", null, cancellationToken);
            var failure = await FailAsync("sslmode=require&ssl_min_protocol_version=TLSv1.3", cancellationToken);

            Assert.That((version, failure.Kind), Is.EqualTo(("TLSv1.2", JobFailureKind.Unavailable)));
            Assert.That(failure.Message, Does.Contain("TLS handshake"));
        }
        finally
        {
            await _server.ExecuteAsync("alter system reset ssl_max_protocol_version");
            await ReloadAsync();
        }
    }

    [TestCase("sslmode=require", true, true)]
    [TestCase("sslmode=require&sslsni=1", true, true)]
    [TestCase("sslmode=require&sslsni=0", true, false)]
    [TestCase("sslmode=require&sslnegotiation=direct", false, true)]
    [TestCase("sslmode=require&sslnegotiation=direct&sslsni=0", false, false)]
    public async Task A_handshake_begins_as_it_is_asked_for(
        string options, bool asksFirst, bool namesHost, CancellationToken cancellationToken)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var job = _server.Query("select 1", new FakeResultWriter()) with
        {
            TargetCluster = Cluster($"{options}&hostaddr=127.0.0.1&host={Host}", port),
        };
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        var (first, hello) = await ReadHelloAsync(listener, cancellationToken);
        Assert.That(async () => await run, Throws.InstanceOf<JobFailedException>());

        Assert.That(first.AsSpan().SequenceEqual(_tlsRequest), Is.EqualTo(asksFirst));
        Assert.That(hello.Contains(Host, StringComparison.Ordinal), Is.EqualTo(namesHost));
        Assert.That(hello, Does.Contain("postgresql"), "its protocol (ALPN)");
    }

    [Test]
    public async Task An_address_may_stand_beside_the_name_that_the_certificate_bears(CancellationToken cancellationToken)
    {
        await UseAsync(_authority.Issue("server", host: Host));
        await ReloadAsync();
        try
        {
            var options = $"sslmode=verify-full&sslrootcert={{root}}&hostaddr=127.0.0.1&host={Host}";

            Assert.That(await AskAsync(options, "select ssl::text", null, cancellationToken), Is.EqualTo("true"));
        }
        finally
        {
            await UseAsync(_authority.Issue("server"));
            await ReloadAsync();
        }
    }

    [Test]
    public async Task A_client_logs_in_by_its_certificate(CancellationToken cancellationToken)
    {
        const string Server = "sslmode=verify-full&sslrootcert={root}&user=certain";
        const string Own = "&sslcert={folder}/client.crt&sslkey={folder}/client.key";

        var user = await AskAsync(Server + Own, "select current_user", null, cancellationToken);
        var without = await FailAsync(Server, cancellationToken);
        var kept = await FailAsync($"{Server}{Own}&sslcertmode=disable", cancellationToken);

        Assert.That(user, Is.EqualTo("certain"));
        Assert.That((without.SqlState, kept.SqlState), Is.EqualTo(("28000", "28000")));
        Assert.That((without.IsTransient, kept.IsTransient), Is.EqualTo((false, false)));
    }

    [Test]
    public async Task A_handshake_without_a_question_before_it_needs_a_server_that_knows_it(
        CancellationToken cancellationToken)
    {
        const string Direct = "sslmode=require&sslnegotiation=direct";
        if (await _server.ScalarAsync<int>("select current_setting('server_version_num')::int", cancellationToken) >= 170000)
        {
            Assert.That(await AskAsync(Direct, "select ssl::text", null, cancellationToken), Is.EqualTo("true"));
        }
        else
        {
            Assert.That((await FailAsync(Direct, cancellationToken)).Kind, Is.EqualTo(JobFailureKind.Unavailable));
        }
    }

    [Test]
    public async Task Queries_and_batches_run_by_tls_as_without(CancellationToken cancellationToken)
    {
        var cluster = Cluster("sslmode=verify-full&sslrootcert={root}");
        var data = string.Concat(Enumerable.Range(1, 100_000).Select(i => $"{i}\tthe line of {i}\n"));
        const string IsByTls =
            "do $$ begin assert (select ssl from pg_stat_ssl where pid = pg_backend_pid()), 'not by TLS'; end $$;";
        var load = _server.Batch(
            $"create table loaded (i int, t text);\ncopy loaded from stdin;\n{data}\\.\n{IsByTls}");
        load = load with { TargetCluster = cluster };
        var stopped = _server.Batch("select 1; select pg_sleep(600);") with { TargetCluster = cluster };
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(load, new FakeJobMonitor(), cancellationToken);
        for (var query = 0; query < 3; query++)
        {
            var results = new FakeResultWriter();
            await _server.Plugin.RunAsync(
                _server.Query("select i, t from loaded order by i", results) with { TargetCluster = cluster },
                new FakeJobMonitor(),
                cancellationToken);
            Assert.That((results.Rows.Count, results.Rows[^1][1]), Is.EqualTo((100_000, "the line of 100000")));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = _server.Plugin.RunAsync(stopped, monitor, stop.Token);
        await Eventually.Is(() => Task.FromResult(!monitor.Out.IsEmpty), cancellationToken);
        await stop.CancelAsync();
        Assert.That(async () => await run, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await _server.BackendsAsync(stopped.Id), Is.Zero);
    }

    /// <summary>
    /// What a client says first, and its side of the handshake, as Latin-1. Then its connection is closed.
    /// </summary>
    private static async Task<(byte[] First, string Hello)> ReadHelloAsync(
        TcpListener listener, CancellationToken cancellationToken)
    {
        using var client = await listener.AcceptTcpClientAsync(cancellationToken);
        listener.Stop();
        var stream = client.GetStream();
        var first = new byte[_tlsRequest.Length];
        await stream.ReadExactlyAsync(first, cancellationToken);
        if (first.AsSpan().SequenceEqual(_tlsRequest))
        {
            await stream.WriteAsync("S"u8.ToArray(), cancellationToken);
        }

        // One record, whose header has its length; in the direct way its beginning is read already.
        var start = first.AsSpan().SequenceEqual(_tlsRequest) ? [] : first;
        var head = new byte[TlsHeader];
        start.AsSpan(0, Math.Min(start.Length, TlsHeader)).CopyTo(head);
        await stream.ReadExactlyAsync(head.AsMemory(Math.Min(start.Length, TlsHeader)), cancellationToken);
        var read = Math.Max(0, start.Length - TlsHeader);
        var body = new byte[BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(TlsHeader - 2))];
        start.AsSpan(start.Length - read).CopyTo(body);
        await stream.ReadExactlyAsync(body.AsMemory(read), cancellationToken);
        return (first, Encoding.Latin1.GetString(body));
    }

    private async Task<string?> AskAsync(
        string options, string select, string? version, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var sql = string.Format(null, select, version) + " from pg_stat_ssl where pid = pg_backend_pid()";
        await _server.Plugin.RunAsync(
            _server.Query(sql, results) with { TargetCluster = Cluster(options) }, new FakeJobMonitor(), cancellationToken);
        return results.Rows.Single()[0];
    }

    private async Task<JobFailure> FailAsync(string options, CancellationToken cancellationToken) =>
        (await Assert.ThrowsAsync<JobFailedException>(
            () => AskAsync(options, "select ssl::text", null, cancellationToken)))!.Failure;

    private PluginCluster Cluster(string options, int? port = null)
    {
        var filled = options.Replace("{root}", Path.Combine(_folder, "root.crt"), StringComparison.Ordinal)
            .Replace("{folder}", _folder, StringComparison.Ordinal);
        return new PluginCluster(
            $"cluster_{Guid.NewGuid():N}",
            new JsonObject
            {
                ["connection_string"] = $"postgresql://postgres@127.0.0.1:{port ?? _port}/{_database}?{filled}",
            });
    }

    private async Task UseAsync((string Certificate, string Key) issued)
    {
        await WriteForServerAsync("server.crt", issued.Certificate);
        await WriteForServerAsync("server.key", issued.Key);
    }

    /// <summary>A changed certificate holds for the connections that begin after the server has read it again.</summary>
    private async Task ReloadAsync()
    {
        var before = await _server.ScalarAsync<DateTime>("select pg_conf_load_time()");
        await _server.ExecuteAsync("select pg_reload_conf()");
        _server.Sql.Clear();
        await Eventually.Is(
            async () => await _server.ScalarAsync<DateTime>("select pg_conf_load_time()") > before,
            TestContext.CurrentContext.CancellationToken);
    }

    private async Task WriteForServerAsync(string name, string content)
    {
        var path = Path.Combine(_data, name);
        await File.WriteAllTextAsync(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var chown = Process.Start("chown", ["--reference", _data, path]);
        await chown.WaitForExitAsync();
    }

    private static void Write((string Certificate, string Key) issued, string folder, string name)
    {
        File.WriteAllText(Path.Combine(folder, $"{name}.crt"), issued.Certificate);
        var key = Path.Combine(folder, $"{name}.key");
        File.WriteAllText(key, issued.Key);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
