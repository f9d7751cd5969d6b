using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Heimdall.Tests.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Results;

/// <summary>What is stored comes back: from the database and from a directory.</summary>
[CancelAfter(60_000)]
[TestFixture(false, TestName = "StoredResultTests(database)")]
[TestFixture(true, TestName = "StoredResultTests(directory)")]
public sealed class StoredResultTests(bool inDirectory)
{
    private const int Rows = 5_500; // five chunks and a half

    private ResultTestStore _store = null!;

    [SetUp]
    public async Task Create()
    {
        _store = await ResultTestStore.CreateAsync();
        if (inDirectory)
        {
            _store.Configure(new ResultsConfig { Directory = _store.Folder });
        }
    }

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task A_page_is_the_rows_it_says(CancellationToken cancellationToken)
    {
        var result = await _store.StoreAsync(inDirectory, Rows, cancellationToken);

        foreach (var (offset, limit) in new (int Offset, int? Limit)[] { (0, null), (0, 1), (0, Rows), (1, null), (999, 1200), (3000, 1), (Rows - 1, 7), (Rows, null), (Rows + 5, 3) })
        {
            var rows = await _store.ReadAsync(result, cancellationToken, offset, limit);

            var expected = Enumerable.Range(0, Rows).Skip(offset).Take(limit ?? Rows).Select(row => $"{row}");
            Assert.That(rows.Select(row => row[0]), Is.EqualTo(expected), $"offset {offset}, limit {limit}");
            Assert.That(rows.Select(row => row[1]), Is.All.EqualTo(ResultTestStore.TextOf(result)));
        }
    }

    [Test]
    public async Task A_row_longer_than_a_chunk_comes_back(CancellationToken cancellationToken)
    {
        var result = await _store.AddJobAsync(cancellationToken);
        var value = new byte[3_000_000];
        new Random(1).NextBytes(value);
        var long1 = Convert.ToHexStringLower(value);

        await using (var writer = _store.CreateWriter(result, inDirectory))
        {
            await writer.StartAsync(ResultTestStore.Columns, cancellationToken);
            foreach (var text in new[] { "a", long1, "b" })
            {
                writer.StartRow();
                writer.WriteNull();
                writer.WriteValue(System.Text.Encoding.UTF8.GetBytes(text));
                writer.EndRow();
                await writer.FlushAsync(cancellationToken);
            }
            await writer.EndAsync(cancellationToken);
            await _store.CompleteAsync(result, writer.Rows, truncated: false, cancellationToken);
        }

        Assert.That(await _store.ReadAsync(result, cancellationToken), Is.EqualTo(new string?[][] { [null, "a"], [null, long1], [null, "b"] }));
    }

    [Test]
    public async Task An_offset_reads_no_chunk_before_its_row(CancellationToken cancellationToken)
    {
        var result = await _store.StoreAsync(inDirectory, Rows, cancellationToken);
        await DamageFirstChunkAsync(cancellationToken);

        var rows = await _store.ReadAsync(result, cancellationToken, offset: 3000);

        Assert.That(rows, Has.Count.EqualTo(Rows - 3000));
        Assert.That(
            async () => await _store.ReadAsync(result, cancellationToken), Throws.InstanceOf<ResultStorageException>().With.Property("IsLost").True);
    }

    [Test]
    public async Task An_attempt_that_lost_its_job_is_never_read(CancellationToken cancellationToken)
    {
        var first = await _store.AddJobAsync(cancellationToken);
        await using var lost = _store.CreateWriter(first, inDirectory);
        await lost.StartAsync(ResultTestStore.Columns, cancellationToken);
        await ResultTestStore.WriteRowsAsync(lost, first, 2500, cancellationToken);

        var second = await _store.TakeOverAsync(first, cancellationToken);
        await using var writer = _store.CreateWriter(second, inDirectory);
        await writer.StartAsync(ResultTestStore.Columns, cancellationToken);
        await ResultTestStore.WriteRowsAsync(writer, second, 1500, cancellationToken);
        try
        {
            await ResultTestStore.WriteRowsAsync(lost, first, 2500, cancellationToken);
            await lost.EndAsync(cancellationToken);
        }
        catch (AttemptLostException)
        {
            // The database tells at once, the directory when the result is completed.
        }
        await writer.EndAsync(cancellationToken);
        await _store.CompleteAsync(second, writer.Rows, truncated: false, cancellationToken);

        Assert.That(await _store.CompleteAsync(first, 5000, truncated: false, cancellationToken), Is.False);
        var rows = await _store.ReadAsync(second, cancellationToken);
        Assert.That(rows, Has.Count.EqualTo(1500));
        Assert.That(rows.Select(row => row[1]), Is.All.EqualTo(ResultTestStore.TextOf(second)));
    }

    [Test]
    public async Task A_result_that_did_not_come_to_its_end_leaves_nothing_behind(CancellationToken cancellationToken)
    {
        var result = await _store.AddJobAsync(cancellationToken);
        await using (var writer = _store.CreateWriter(result, inDirectory))
        {
            await writer.StartAsync(ResultTestStore.Columns, cancellationToken);
            await ResultTestStore.WriteRowsAsync(writer, result, Rows, cancellationToken);
        }

        await AssertEmptyAsync(cancellationToken);
    }

    [TestCase(0, 0, true)]
    [TestCase(5, 0, true)]
    [TestCase(6, 1, true)]
    [TestCase(17, 2, true)]
    [TestCase(18, 3, false)]
    public async Task Rows_are_kept_as_long_as_they_fit(int maxBytes, int kept, bool isFull, CancellationToken cancellationToken)
    {
        var result = await _store.AddJobAsync(cancellationToken);
        await using var writer = _store.CreateWriter(result, inDirectory, maxBytes);
        await writer.StartAsync(ResultTestStore.Columns, cancellationToken);
        for (var row = 0; row < 3; row++)
        {
            writer.StartRow();
            writer.WriteNull();
            writer.WriteValue("abcd"u8); // with its length 5 bytes, and 1 for the null
            writer.EndRow();
            await writer.FlushAsync(cancellationToken);
        }
        await writer.EndAsync(cancellationToken);
        await _store.CompleteAsync(result, writer.Rows, writer.IsFull, cancellationToken);

        Assert.That(writer.IsFull, Is.EqualTo(isFull));
        Assert.That(await _store.ReadAsync(result, cancellationToken), Has.Count.EqualTo(kept));
    }

    [Test]
    public async Task What_is_missing_at_the_end_is_noticed(CancellationToken cancellationToken)
    {
        var result = await _store.StoreAsync(inDirectory, Rows, cancellationToken);
        if (inDirectory)
        {
            await using var file = new FileStream(_store.Files.Single(), FileMode.Open);
            file.SetLength(file.Length - 100);
        }
        else
        {
            await _store.Database.ExecuteAsync("delete from heimdall.job_result_chunk where first_row > 5000", cancellationToken);
        }
        var found = await _store.Results.FindAsync(result.JobId, cancellationToken);
        var written = new FakeResultWriter();

        Assert.That(
            async () => await _store.Results.ReplayAsync(found!, new ResultPage(0, null), written, cancellationToken),
            Throws.InstanceOf<ResultStorageException>().With.Property("IsLost").True);
        Assert.That(written.Rows, Is.Not.Empty.And.Count.LessThan(Rows));
    }

    [Test]
    public async Task A_place_that_fails_in_the_middle_is_told(CancellationToken cancellationToken)
    {
        var result = await _store.StoreAsync(inDirectory, Rows, cancellationToken);
        var found = await _store.Results.FindAsync(result.JobId, cancellationToken);
        var written = new FakeResultWriter { OnRow = row => BreakAt(row, cancellationToken) };

        Assert.That(
            async () => await _store.Results.ReplayAsync(found!, new ResultPage(0, null), written, cancellationToken),
            Throws.InstanceOf<ResultStorageException>().With.Property("IsLost").EqualTo(inDirectory));
        Assert.That(written.Rows, Has.Count.GreaterThan(500).And.Count.LessThan(Rows));
    }

    [Test]
    public async Task Results_stay_readable_when_others_go_to_another_place(CancellationToken cancellationToken)
    {
        var earlier = await _store.StoreAsync(inDirectory, Rows, cancellationToken);

        _store.Configure(inDirectory ? new ResultsConfig() : new ResultsConfig { Directory = _store.Folder });
        var later = await _store.StoreAsync(!inDirectory, Rows, cancellationToken);

        Assert.That(await _store.ReadAsync(earlier, cancellationToken), Has.Count.EqualTo(Rows));
        Assert.That(await _store.ReadAsync(later, cancellationToken), Has.Count.EqualTo(Rows));
        Assert.That(_store.Files, Has.Length.EqualTo(1));
    }

    [Test]
    public async Task An_expired_result_loses_its_rows_and_stays_known(CancellationToken cancellationToken)
    {
        var kept = await _store.StoreAsync(inDirectory, Rows, cancellationToken);
        var result = await _store.StoreAsync(inDirectory, Rows, cancellationToken);
        await _store.Database.ExecuteAsync("update heimdall.job_result set expires_at = now() - interval '1 s' where job_id = $1", cancellationToken, result.JobId);

        await _store.Sweep.DropAsync(cancellationToken);

        Assert.That((await _store.Results.FindAsync(result.JobId, cancellationToken))!.IsDropped, Is.True);
        Assert.That(await _store.ReadAsync(kept, cancellationToken), Has.Count.EqualTo(Rows));
        Assert.That(_store.Files, Has.Length.EqualTo(inDirectory ? 1 : 0));
        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from heimdall.job_result_chunk where job_id = $1", cancellationToken, result.JobId), Is.Zero);
    }

    [Test]
    public async Task What_a_process_that_died_left_of_a_job_is_removed_once_the_job_has_ended(CancellationToken cancellationToken)
    {
        var result = await _store.AddJobAsync(cancellationToken);
        var dead = _store.CreateWriter(result, inDirectory);
        await dead.StartAsync(ResultTestStore.Columns, cancellationToken);
        await ResultTestStore.WriteRowsAsync(dead, result, Rows, cancellationToken);

        await _store.Sweep.DropAsync(cancellationToken);
        await _store.Sweep.DeleteOrphansAsync(cancellationToken);
        var whileRunning = await _store.Database.ScalarAsync<long>("select count(*) from heimdall.job_result", cancellationToken) + _store.Files.Length;
        await _store.Database.ExecuteAsync("update heimdall.job set status = 'FAILED'", cancellationToken);
        await _store.Sweep.DropAsync(cancellationToken);

        Assert.That(whileRunning, Is.EqualTo(inDirectory ? 2 : 1));
        await AssertEmptyAsync(cancellationToken);
        Assert.That(async () => await dead.DisposeAsync(), Throws.Nothing);
    }

    private void BreakAt(int row, CancellationToken cancellationToken)
    {
        if (row != 500)
        {
            return;
        }
        if (inDirectory)
        {
            using var file = new FileStream(_store.Files.Single(), FileMode.Truncate);
        }
        else
        {
            _store.Database.ExecuteAsync("alter table heimdall.job_result_chunk rename to elsewhere", cancellationToken).GetAwaiter().GetResult();
        }
    }

    private async Task DamageFirstChunkAsync(CancellationToken cancellationToken)
    {
        if (inDirectory)
        {
            await using var file = new FileStream(_store.Files.Single(), FileMode.Open);
            file.Position = 100;
            await file.WriteAsync(new byte[50], cancellationToken);
        }
        else
        {
            await _store.Database.ExecuteAsync("delete from heimdall.job_result_chunk where first_row = 0", cancellationToken);
        }
    }

    private async Task AssertEmptyAsync(CancellationToken cancellationToken)
    {
        Assert.That(await _store.Database.ScalarAsync<long>("select count(*) from heimdall.job_result", cancellationToken), Is.Zero);
        Assert.That(await _store.Database.ScalarAsync<long>("select count(*) from heimdall.job_result_chunk", cancellationToken), Is.Zero);
        Assert.That(_store.Files, Is.Empty);
    }
}
