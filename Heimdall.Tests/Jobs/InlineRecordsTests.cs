using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Records of inline queries that share a transaction.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class InlineRecordsTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private InlineRecords _records = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        await new StoreMigrator(_store, NullLogger<StoreMigrator>.Instance).MigrateAsync(_ => Task.CompletedTask, CancellationToken.None);
        _records = new InlineRecords(_store);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _records.Dispose();
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task One_that_cannot_be_written_is_no_trouble_to_the_others([Values] bool isDurable, CancellationToken cancellationToken)
    {
        var good = Enumerable.Range(0, 200).Select(_ => _records.BeginAsync(NewJob("good"), "worker", Lease, isDurable)).ToArray();
        var bad = _records.BeginAsync(NewJob("no\0text"), "worker", Lease, isDurable);
        var more = Enumerable.Range(0, 200).Select(_ => _records.BeginAsync(NewJob("good"), "worker", Lease, isDurable)).ToArray();

        var begun = await Task.WhenAll([.. good, .. more]).WaitAsync(cancellationToken);

        Assert.That(async () => await bad, Throws.InstanceOf<PostgresException>());
        foreach (var job in begun)
        {
            Assert.That((await new JobStore(_store).FindAsync(job.Id, cancellationToken))?.Status, Is.EqualTo(JobStatus.Running));
        }
    }

    [Test]
    public async Task An_end_is_written_once_and_only_on_a_record_that_is_there(CancellationToken cancellationToken)
    {
        var job = await _records.BeginAsync(NewJob("ended"), "worker", Lease, isDurable: true).WaitAsync(cancellationToken);
        var progress = new JobProgress { RowCount = 3, Truncated = false };

        var first = await _records.EndAsync(job, JobStatus.Succeeded, failure: null, progress, isDurable: true);
        var second = await _records.EndAsync(job, JobStatus.Failed, failure: null, progress, isDurable: true);
        var unknown = await _records.EndAsync(NewJob("never begun"), JobStatus.Succeeded, failure: null, progress, isDurable: true);

        var stored = await new JobStore(_store).FindAsync(job.Id, cancellationToken);
        Assert.That((first?.Status, second, unknown), Is.EqualTo(((JobStatus?)JobStatus.Succeeded, (Job?)null, (Job?)null)));
        Assert.That((stored?.Status, stored?.Progress.RowCount, stored?.FinishedAt), Is.EqualTo(((JobStatus?)JobStatus.Succeeded, (long?)3, first!.FinishedAt)));
    }

    private static Job NewJob(string name) => new()
    {
        Id = Guid.CreateVersion7(),
        Name = name,
        Version = "",
        User = "test",
        Status = JobStatus.Running,
        IsSync = true,
        ReturnResult = true,
        CommandId = "command",
        CommandName = "command",
        ClusterId = "cluster",
        ClusterName = "cluster",
        Context = [],
        Attempt = 1,
    };
}
