using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins;

/// <summary>What every plugin promises. A plugin is done when a fixture that derives from this one passes.</summary>
[CancelAfter(60_000)]
public abstract class PluginContract
{
    internal abstract IPlugin Plugin { get; }

    /// <summary>A query of one column with <paramref name="count"/> rows.</summary>
    internal abstract PluginJob Rows(int count, IResultWriter results);

    /// <summary>A query whose statement gives no rows at all, not even none.</summary>
    internal abstract PluginJob NoResult(IResultWriter results);

    /// <summary>A query that fails after some rows have come.</summary>
    internal abstract PluginJob FailingQuery(IResultWriter results);

    /// <summary>A query that runs until it is stopped.</summary>
    internal abstract PluginJob EndlessQuery(IResultWriter results);

    /// <summary>A batch of two statements that leaves a mark that <see cref="HasMarkAsync"/> sees.</summary>
    internal abstract PluginJob MarkingBatch();

    /// <summary>A batch that leaves the mark in its first statement and fails in its second.</summary>
    internal abstract PluginJob FailingBatch();

    /// <summary>A batch that leaves the mark and then runs until it is stopped.</summary>
    internal abstract PluginJob EndlessBatch();

    /// <summary>A job whose context names a field that no plugin knows.</summary>
    internal abstract PluginJob UnknownField();

    internal abstract Task<bool> HasMarkAsync(PluginJob job);

    /// <summary>True while something of the job runs on the cluster.</summary>
    internal abstract Task<bool> IsRunningAsync(PluginJob job);

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(10_000)]
    public async Task Rows_are_written_and_counted(int count, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var progress = await Plugin.RunAsync(Rows(count, results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Columns, Has.Count.EqualTo(1));
        Assert.That(results.Rows, Has.Count.EqualTo(count));
        Assert.That(progress.RowCount, Is.EqualTo(count));
    }

    [Test]
    public async Task A_statement_without_rows_has_no_columns(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        await Plugin.RunAsync(NoResult(results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Columns, Is.Null.Or.Empty);
        Assert.That(results.Rows, Is.Empty);
    }

    [Test]
    public async Task A_failure_after_some_rows_is_a_failure(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var failed = await Assert.ThrowsAsync<JobFailedException>(() => Plugin.RunAsync(FailingQuery(results), new FakeJobMonitor(), cancellationToken));

        Assert.That(failed!.Failure.Message, Is.Not.Empty);
        Assert.That(results.Rows, Is.Not.Empty);
    }

    [Test]
    public async Task A_batch_takes_effect_and_logs_its_statements(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var job = MarkingBatch();

        var progress = await Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(await HasMarkAsync(job), Is.True);
        Assert.That(progress.Statements, Is.EqualTo(2));
        Assert.That(monitor.Out, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_batch_that_fails_takes_no_effect_and_says_where(CancellationToken cancellationToken)
    {
        var job = FailingBatch();

        var failed = await Assert.ThrowsAsync<JobFailedException>(() => Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken));

        Assert.That(failed!.Failure.Errors[0].Statement, Is.EqualTo(2));
        Assert.That(failed.Failure.Errors[0].Line, Is.Not.Null);
        Assert.That(await HasMarkAsync(job), Is.False);
    }

    [Test]
    public async Task A_stopped_query_no_longer_runs(CancellationToken cancellationToken)
    {
        var job = EndlessQuery(new FakeResultWriter());

        await StopAsync(job, cancellationToken);

        Assert.That(await IsRunningAsync(job), Is.False);
    }

    [Test]
    public async Task A_stopped_batch_no_longer_runs_and_took_no_effect(CancellationToken cancellationToken)
    {
        var job = EndlessBatch();

        await StopAsync(job, cancellationToken);

        Assert.That(await IsRunningAsync(job), Is.False);
        Assert.That(await HasMarkAsync(job), Is.False);
    }

    [Test]
    public async Task The_fate_of_a_committed_batch_is_known(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var job = MarkingBatch();
        await Plugin.RunAsync(job, monitor, cancellationToken);

        var fate = await Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.Committed));
    }

    [Test]
    public async Task A_batch_without_evidence_did_nothing(CancellationToken cancellationToken)
    {
        var fate = await Plugin.FindFateAsync(MarkingBatch(), evidence: null, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.NothingHappened));
    }

    [Test]
    public async Task A_batch_that_has_lost_its_job_takes_no_effect(CancellationToken cancellationToken)
    {
        var job = MarkingBatch();
        var monitor = new FakeJobMonitor { OnConfirm = _ => throw new AttemptLostException(job.Id, job.Attempt) };

        await Assert.ThrowsAsync<AttemptLostException>(() => Plugin.RunAsync(job, monitor, cancellationToken));

        Assert.That(await HasMarkAsync(job), Is.False);
    }

    [Test]
    public void A_context_with_an_unknown_field_is_refused_by_name()
    {
        var job = UnknownField();

        var refused = Assert.Throws<JobRefusedException>(() => Plugin.Plan(job.CommandContext, job.Context));

        Assert.That(refused!.Problems.Select(problem => problem.Path), Has.Member("no_such_field"));
    }

    [Test]
    public async Task A_query_is_previewed_without_its_rows(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var preview = await Plugin.PreviewAsync(Rows(3, results), cancellationToken);

        Assert.That(preview.ReturnResult, Is.True);
        Assert.That(preview.StatementsTotal, Is.EqualTo(1));
        Assert.That(results.Columns, Is.Null);
    }

    [Test]
    public async Task A_batch_is_previewed_without_effect(CancellationToken cancellationToken)
    {
        var job = MarkingBatch();

        var preview = await Plugin.PreviewAsync(job, cancellationToken);

        Assert.That(preview.ReturnResult, Is.False);
        Assert.That(preview.StatementsTotal, Is.EqualTo(2));
        Assert.That(preview.Statements.Select(statement => statement.Statement), Is.EqualTo(new[] { 1, 2 }));
        Assert.That(await HasMarkAsync(job), Is.False);
    }

    [Test]
    public async Task What_cannot_be_run_cannot_be_previewed(CancellationToken cancellationToken)
    {
        var refused = await Assert.ThrowsAsync<JobRefusedException>(() => Plugin.PreviewAsync(UnknownField(), cancellationToken));

        Assert.That(refused!.Problems.Select(problem => problem.Path), Has.Member("no_such_field"));
    }

    [Test]
    public async Task The_cluster_gives_a_sign_of_life(CancellationToken cancellationToken) =>
        await Plugin.ProbeAsync(Rows(1, new FakeResultWriter()).TargetCluster, cancellationToken);

    private async Task StopAsync(PluginJob job, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = Plugin.RunAsync(job, new FakeJobMonitor(), stop.Token);
        while (!await IsRunningAsync(job))
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        await stop.CancelAsync();

        Assert.That(async () => await run, Throws.InstanceOf<OperationCanceledException>());
    }
}
