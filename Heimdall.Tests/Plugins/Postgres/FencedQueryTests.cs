using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Queries whose runner may have been taken for dead in the moment before they are sent.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class FencedQueryTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task What_may_write_is_not_sent_by_an_attempt_that_has_lost_its_job(
        [Values] bool isInline, [Values("insert into {0} values (1) returning i", "call {0}()")] string sql, CancellationToken cancellationToken)
    {
        var job = await WriterAsync(sql) with { IsInline = isInline };
        var monitor = new FakeJobMonitor
        {
            OnConfirm = _ => throw new AttemptLostException(job.Id, 1),
            OnEvidence = _ => throw new AttemptLostException(job.Id, 1),
        };

        await Assert.ThrowsAsync<AttemptLostException>(() => _server.Plugin.RunAsync(job, monitor, cancellationToken).WaitAsync(cancellationToken));

        Assert.That(await _server.ScalarAsync<long>($"select count(*) from {TableOf(job)}", cancellationToken), Is.Zero);
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero, "its session is given back");
    }

    [Test]
    public async Task A_session_that_waits_to_send_is_found_and_ended_by_the_next_attempt(
        [Values] bool isInline, [Values("insert into {0} values (1) returning i", "call {0}()")] string sql, CancellationToken cancellationToken)
    {
        var job = await WriterAsync(sql) with { IsInline = isInline };
        var (asked, go) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        Task WaitAsync(CancellationToken token)
        {
            asked.SetResult();
            return go.Task.WaitAsync(token);
        }
        var monitor = new FakeJobMonitor { OnConfirm = WaitAsync, OnEvidence = WaitAsync };
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        Assert.That(await Task.WhenAny(run, asked.Task).WaitAsync(cancellationToken), Is.EqualTo(asked.Task), () => $"It ended before it was sent: {run.Exception}");

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);
        go.SetResult(); // the frozen one wakes

        var isKnown = !isInline && !sql.StartsWith("call", StringComparison.Ordinal);
        Assert.That(fate, Is.EqualTo(isKnown ? AttemptFate.NothingHappened : AttemptFate.Unknown));
        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
        Assert.That(await _server.ScalarAsync<long>($"select count(*) from {TableOf(job)}", cancellationToken), Is.Zero);
    }

    [TestCase("""{"query": "select 1", "return_result": true}""", true)]
    [TestCase("""{"query": "select 1", "return_result": true, "read_only": true}""", true)]
    [TestCase("""{"query": "select 1", "return_result": true, "read_only": true}""", false)]
    public async Task What_only_reads_is_not_kept_waiting(string context, bool isInline, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor { OnConfirm = _ => throw new InvalidOperationException(), OnEvidence = _ => throw new InvalidOperationException() };

        await _server.Plugin.RunAsync(_server.Job(context, new FakeResultWriter()) with { IsInline = isInline }, monitor, cancellationToken);
    }

    [Test]
    public async Task A_queued_query_says_where_it_runs(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(_server.Query("select pg_backend_pid()", results), monitor, cancellationToken);

        Assert.That(_server.Plugin.FindSession(monitor.Evidence!)!.Pid, Is.Positive);
    }

    private static string TableOf(PluginJob job) => $"t{job.Id:N}";

    private async Task<PluginJob> WriterAsync(string sql)
    {
        var job = _server.Query("select 1", new FakeResultWriter());
        var name = TableOf(job);
        await _server.ExecuteAsync($"create table {name} (i int); create procedure {name}() language sql as $$ insert into {name} values (1) $$");
        return job with { Context = _server.Query(string.Format(provider: null, sql, name), new FakeResultWriter()).Context };
    }
}
