using System.Net.Sockets;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary><c>--health</c> of both programs: the answer of the process that runs, and of nothing else.</summary>
[CancelAfter(120_000)]
public sealed class HealthTests() : RealProcessTests(processes: 3)
{
    private HeimdallInstance _heimdall = null!;
    private string _socket = null!;

    [SetUp]
    public async Task Create()
    {
        _heimdall = await HeimdallInstance.CreateAsync(config => config with { Worker = "health_socket: worker.sock" });
        _socket = Path.Combine(Path.GetDirectoryName(_heimdall.ConfigFile)!, "worker.sock");
    }

    [TearDown]
    public async Task Dispose() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_worker_is_healthy_while_it_runs(CancellationToken cancellationToken)
    {
        var worker = _heimdall.StartWorkerProcess();
        await BecomesReadyAsync("Heimdall.Worker", cancellationToken);

        await worker.SignalAsync("STOP", cancellationToken);
        var frozen = await AskAsync("Heimdall.Worker", cancellationToken);
        await worker.SignalAsync("CONT", cancellationToken);
        await BecomesReadyAsync("Heimdall.Worker", cancellationToken);
        await worker.KillAsync(cancellationToken);
        var killed = await AskAsync("Heimdall.Worker", cancellationToken);

        Assert.That(frozen, Is.EqualTo((1, "Heimdall.Worker has not answered within 5 s\n")));
        Assert.That(killed.ExitCode, Is.EqualTo(1));
        Assert.That(killed.Output, Does.StartWith($"no worker answers at {_socket}"));
    }

    [Test]
    public async Task The_socket_of_a_killed_worker_is_taken_over_and_that_of_another_is_not(
        CancellationToken cancellationToken)
    {
        var first = _heimdall.StartWorkerProcess();
        await BecomesReadyAsync("Heimdall.Worker", cancellationToken);
        await first.KillAsync(cancellationToken);
        Assert.That(File.Exists(_socket), Is.True, "it had no time to clean up");
        var second = _heimdall.StartWorkerProcess();
        await BecomesReadyAsync("Heimdall.Worker", cancellationToken);

        var third = _heimdall.StartWorkerProcess();

        Assert.That(await third.WaitForExitAsync(cancellationToken), Is.EqualTo(1), third.ReadLog());
        Assert.That(third.ReadLog(), Does.EndWith(
            $"Heimdall.Worker cannot start: another process listens at worker.health_socket {_socket}: "
            + "each worker of a machine needs a path of its own.\n"));
        await BecomesReadyAsync("Heimdall.Worker", cancellationToken);
        await second.TerminateAsync(cancellationToken);
        Assert.That(await second.WaitForExitAsync(cancellationToken), Is.Zero);
        Assert.That(File.Exists(_socket), Is.False);
    }

    [Test]
    public async Task A_file_with_content_is_not_taken_for_a_socket(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(_socket, "precious", cancellationToken);

        var worker = _heimdall.StartWorkerProcess();

        Assert.That(await worker.WaitForExitAsync(cancellationToken), Is.EqualTo(1), worker.ReadLog());
        Assert.That(worker.ReadLog(), Does.Contain("is a file with content: name another path"));
        Assert.That(await File.ReadAllTextAsync(_socket, cancellationToken), Is.EqualTo("precious"));
    }

    [Test]
    public async Task A_worker_without_its_store_is_not_healthy(CancellationToken cancellationToken)
    {
        _heimdall.Configure(config => config with
        {
            Store = "Host=127.0.0.1;Port=1;Username=nobody",
            Worker = "health_socket: worker.sock",
        });
        _heimdall.StartWorkerProcess();

        await Eventually.Becomes(
            () => AskAsync("Heimdall.Worker", cancellationToken),
            () => Is.EqualTo((1, "not ready: the store has not been reached since the start\n")), cancellationToken);
    }

    [Test]
    public async Task A_worker_without_a_socket_says_what_is_missing(CancellationToken cancellationToken)
    {
        _heimdall.Configure(config => config);

        var answer = await AskAsync("Heimdall.Worker", cancellationToken);

        Assert.That(answer, Is.EqualTo(
            (1, "worker.health_socket is not configured, such as /tmp/heimdall-worker.sock\n")));
    }

    [Test]
    public async Task An_API_is_healthy_while_it_runs(CancellationToken cancellationToken)
    {
        await _heimdall.StartApiProcessAsync();
        var running = await AskAsync("Heimdall.Api", cancellationToken);
        await _heimdall.Api!.SignalAsync("STOP", cancellationToken);
        var frozen = await AskAsync("Heimdall.Api", cancellationToken);
        await _heimdall.Api.SignalAsync("CONT", cancellationToken);
        await _heimdall.Api.KillAsync(cancellationToken);
        var killed = await AskAsync("Heimdall.Api", cancellationToken);

        Assert.That(running, Is.EqualTo((0, "ready\n")));
        Assert.That(frozen, Is.EqualTo((1, "Heimdall.Api has not answered within 5 s\n")));
        Assert.That(killed.ExitCode, Is.EqualTo(1));
        Assert.That(killed.Output, Does.StartWith($"no API answers at {_heimdall.Address}"));
    }

    [Test]
    public async Task Another_program_at_the_address_is_not_taken_for_the_API(CancellationToken cancellationToken)
    {
        using var other = new TcpListener(System.Net.IPAddress.Loopback, _heimdall.Address.Port);
        other.Start();
        var serving = ServeAsync(other, cancellationToken);

        var answer = await AskAsync("Heimdall.Api", cancellationToken);

        Assert.That(answer, Is.EqualTo((1, $"{_heimdall.Address} answers 404: it is not Heimdall's API\n")));
        await serving;
    }

    private static async Task ServeAsync(TcpListener listener, CancellationToken cancellationToken)
    {
        using var connection = await listener.AcceptTcpClientAsync(cancellationToken);
        var stream = connection.GetStream();
        await stream.ReadAtLeastAsync(new byte[1024], 1, throwOnEndOfStream: false, cancellationToken);
        await stream.WriteAsync("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), cancellationToken);
    }

    private async Task BecomesReadyAsync(string program, CancellationToken cancellationToken) => await Eventually.Becomes(
        () => AskAsync(program, cancellationToken), () => Is.EqualTo((0, "ready\n")), cancellationToken);

    private Task<(int ExitCode, string Output)> AskAsync(string program, CancellationToken cancellationToken) =>
        HeimdallProcess.RunAsync(program, cancellationToken, "--config", _heimdall.ConfigFile, "--health");
}
