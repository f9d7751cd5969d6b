using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Queries that are stopped or break when their COMMIT is on its way.</summary>
[CancelAfter(60_000)]
public sealed class UnreadQueryTests
{
    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync(
            "create table written (i int); create function writes(i int) returns int language sql as 'insert into written values (i) returning i'");
    }

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task One_that_had_been_committed_when_it_was_stopped_is_not_undone(CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        PluginJob job = null!;
        job = _server.Query("select writes(i) from generate_series(1, 3) as i", StopWhenDone(cancel, () => job.Id)) with { IsInline = true };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancel.Token).WaitAsync(cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Interrupted));
        Assert.That(failure.Message, Does.Contain("had been committed"));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from written", cancellationToken), Is.EqualTo(3));
    }

    [Test]
    public async Task One_that_could_not_write_is_cancelled_all_the_same(CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        PluginJob job = null!;
        job = _server.Job(
            new JsonObject { ["query"] = "select generate_series(1, 3)", ["return_result"] = true, ["read_only"] = true }.ToJsonString(), StopWhenDone(cancel, () => job.Id));

        Assert.That(async () => await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancel.Token).WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task One_whose_connection_breaks_while_it_is_stopped_may_have_taken_effect(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_server.ConnectionString);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var results = new FakeResultWriter
        {
            OnRow = rows =>
            {
                if (rows == 1)
                {
                    proxy.CutAsync().GetAwaiter().GetResult();
                    proxy.Mend();
                    cancel.Cancel();
                }
            },
        };
        var job = _server.Query("select repeat('x', 1000) from generate_series(1, 1000000)", results) with
        {
            IsInline = true,
            TargetCluster = new PluginCluster("behind_a_proxy", new JsonObject { ["connection_string"] = proxy.Through(_server.ConnectionString) }),
        };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancel.Token).WaitAsync(cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Unavailable));
        Assert.That(failure.Message, Does.Contain("may have taken effect"));
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    /// <summary>A reader who goes, at the first row, when the server has done all that was asked of it.</summary>
    private FakeResultWriter StopWhenDone(CancellationTokenSource cancel, Func<Guid> job) => new()
    {
        OnRow = _ => Eventually.Is(async () => await _server.BackendsAsync(job()) == 0, cancel.Token).GetAwaiter().GetResult(), // the session is wiped
        OnFlush = _ =>
        {
            cancel.Cancel();
            cancel.Token.ThrowIfCancellationRequested();
        },
    };
}
