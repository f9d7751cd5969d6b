using System.Text;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Running;
using Heimdall.Tests.Chaos;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>What a runner tells of a job, as it is stored.</summary>
[CancelAfter(60_000)]
public sealed class JobLogStoreTests
{
    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private JobLogStore _logs = null!;
    private AttemptWriter _writer = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = Open(_database.ConnectionString);
        _logs = new JobLogStore(_store);
        _writer = new AttemptWriter(_store, NullLogger<AttemptWriter>.Instance);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _writer.DisposeAsync();
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task A_piece_is_stored_once_however_often_it_is_written(CancellationToken cancellationToken)
    {
        var job = await StartJobAsync(cancellationToken);

        foreach (var piece in (int[])[1, 1, 2, 1])
        {
            await AppendAsync(job, 1, JobLogStream.Stdout, piece, $"piece {piece}\n");
        }
        await AppendAsync(job, 1, JobLogStream.Stderr, 1, "the other stream\n");
        await TakeOverAsync(job, attempt: 2, cancellationToken);
        await AppendAsync(job, 2, JobLogStream.Stdout, 1, "the next attempt\n");
        await AppendAsync(job, 1, JobLogStream.Stdout, 3, "from an attempt that has lost the job\n");

        Assert.That(await ReadAsync(job, JobLogStream.Stdout, cancellationToken), Is.EqualTo("piece 1\npiece 2\nthe next attempt\n"));
        Assert.That(await ReadAsync(job, JobLogStream.Stderr, cancellationToken), Is.EqualTo("the other stream\n"));
    }

    [Test]
    public async Task A_line_is_stored_once_when_the_answer_to_its_writing_is_lost(CancellationToken cancellationToken)
    {
        var job = await StartJobAsync(cancellationToken);
        await using var proxy = new WatchingProxy(_database.ConnectionString);
        await using var store = Open(new NpgsqlConnectionStringBuilder(_database.ConnectionString) { Port = int.Parse(proxy.Port, null) }.ConnectionString);
        using var attempt = new RunningAttempt(job, _ => { });
        await using (await store.Lifeline.OpenConnectionAsync(cancellationToken))
        {
            // The next answer is not that to a new connection.
        }
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        await using var log = new AttemptLog(writer, attempt, TimeSpan.FromSeconds(5));
        var lost = proxy.AmbushAsync(step: null, MessageMoment.BeforeAnswer, skip: 0, () => Task.FromResult(false), cancellationToken);

        log.Stdout("once");
        await lost; // its first writing, half a second later
        var rest = await log.CloseAsync();
        await writer.EndAsync(
            new Ending(job, JobStatus.Succeeded, isDurable: true) { Progress = log.Progress, Log = rest });

        Assert.That(rest.Single().Lines, Is.EqualTo("once\n"), "nobody knows whether it is stored");
        Assert.That(await ReadAsync(job, JobLogStream.Stdout, cancellationToken), Is.EqualTo("once\n"));
    }

    [Test]
    public async Task Of_each_attempt_a_stream_keeps_its_beginning(CancellationToken cancellationToken)
    {
        var line = new string('x', 999);
        var job = await StartJobAsync(cancellationToken);
        foreach (var number in (int[])[1, 2])
        {
            await TakeOverAsync(job, number, cancellationToken);
            using var attempt = new RunningAttempt(job with { Attempt = number }, _ => { });
            await using var log = new AttemptLog(_writer, attempt, TimeSpan.FromSeconds(5));
            for (var i = 0; i < 1100; i++)
            {
                log.Stderr(line);
            }
            await _writer.SaveAsync(job.Id, number, progress: null, await log.CloseAsync());

            var stored = await ReadAsync(job, JobLogStream.Stderr, cancellationToken);

            Assert.That(Encoding.UTF8.GetByteCount(stored), Is.InRange(number * (JobLogStore.MaxBytes - 1000), number * (JobLogStore.MaxBytes + 100)));
            Assert.That(stored, Does.StartWith(line).And.EndsWith("\n… more was left out: the log of an attempt holds 1024 KiB\n"));
        }
    }

    [TestCase(1000, "one\ntwo\nthree\nfour\n", false)]
    [TestCase(19, "one\ntwo\nthree\nfour\n", false)]
    [TestCase(18, "two\nthree\nfour\n", true)]
    [TestCase(15, "two\nthree\nfour\n", true)]
    [TestCase(14, "three\nfour\n", true)]
    [TestCase(5, "four\n", true)]
    public async Task The_end_of_a_log_begins_with_a_whole_line(int bytes, string expected, bool isCut, CancellationToken cancellationToken)
    {
        var job = await StartJobAsync(cancellationToken);
        await AppendAsync(job, 1, JobLogStream.Stdout, 1, "one\ntwo\n");
        await AppendAsync(job, 1, JobLogStream.Stderr, 1, "three\n");
        await AppendAsync(job, 1, JobLogStream.Stdout, 2, "four\n");

        var tail = await _logs.ReadTailAsync(job.Id, number: 0, bytes, cancellationToken);

        Assert.That((string.Concat(tail.Newest.Select(piece => piece.Lines)), tail.IsCut), Is.EqualTo((expected, isCut)));
    }

    [Test]
    public async Task A_long_line_is_cut_between_characters(CancellationToken cancellationToken)
    {
        var job = await StartJobAsync(cancellationToken);
        await AppendAsync(job, 1, JobLogStream.Stdout, 1, "aéé\n");

        var tail = await _logs.ReadTailAsync(job.Id, number: 0, bytes: 4, cancellationToken);

        Assert.That((tail.Newest[0].Lines, tail.IsCut), Is.EqualTo(("é\n", true)));
    }

    [Test]
    public async Task The_end_of_what_is_new_comes_behind_what_is_known(CancellationToken cancellationToken)
    {
        var job = await StartJobAsync(cancellationToken);
        await AppendAsync(job, 1, JobLogStream.Stdout, 1, "known\n");
        var known = await _logs.ReadTailAsync(job.Id, number: 0, bytes: 100, cancellationToken);
        var none = await _logs.ReadTailAsync(job.Id, known.Newest[^1].Number, bytes: 100, cancellationToken);
        await AppendAsync(job, 1, JobLogStream.Stdout, 2, "new\n");

        var more = await _logs.ReadTailAsync(job.Id, known.Newest[^1].Number, bytes: 100, cancellationToken);

        Assert.That((none.Newest.Count, none.IsCut), Is.EqualTo((0, false)));
        Assert.That((more.Newest.Single().Lines, more.IsCut), Is.EqualTo(("new\n", false)));
    }

    [Test]
    public async Task Of_many_small_pieces_the_newest_are_the_end(CancellationToken cancellationToken)
    {
        var job = await StartJobAsync(cancellationToken);
        await _database.ExecuteAsync(
            "insert into heimdall.job_log (job_id, attempt, stream, piece, lines) select $1, 1, 'stdout', n, n || E'\\n' from generate_series(1, 1500) n", cancellationToken, job.Id);

        var tail = await _logs.ReadTailAsync(job.Id, number: 0, bytes: 1_000_000, cancellationToken);

        Assert.That((tail.Newest[0].Lines, tail.Newest[^1].Lines, tail.IsCut), Is.EqualTo(("501\n", "1500\n", true)));
    }

    private static StoreDatabase Open(string connectionString) => new(connectionString, "heimdall", "hangfire", ConnectionLimits.ForWorker(1));

    private async Task AppendAsync(Job job, int attempt, JobLogStream stream, int piece, string lines) =>
        await _writer.SaveAsync(job.Id, attempt, progress: null, [new NewLogPiece(stream, piece, lines)]);

    private Task TakeOverAsync(Job job, int attempt, CancellationToken cancellationToken) =>
        _database.ExecuteAsync(
            "update heimdall.job set attempt = $2 where id = $1", cancellationToken, job.Id, attempt);

    private async Task<string> ReadAsync(Job job, JobLogStream stream, CancellationToken cancellationToken)
    {
        var log = new StringBuilder();
        await foreach (var lines in _logs.ReadAsync(job.Id, stream, cancellationToken))
        {
            log.Append(lines);
        }
        return log.ToString();
    }

    /// <returns>A job that has been started, and that nobody runs.</returns>
    private async Task<Job> StartJobAsync(CancellationToken cancellationToken)
    {
        var job = new Job
        {
            Id = Guid.CreateVersion7(),
            Name = "logged",
            Version = "",
            User = "test",
            Status = JobStatus.Accepted,
            IsSync = false,
            ReturnResult = false,
            CommandId = "none",
            CommandName = "none",
            ClusterId = "none",
            ClusterName = "none",
            Context = [],
        };
        await using (var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken))
        {
            await QueuedJobs.InsertAsync(
                connection, [new QueuedJob(job)], GivenEntries.Instance, cancellationToken);
        }
        return (await new WaitingJobs(_store).ClaimAsync([(JobLane.Of(job), 0)], 1, "test", TimeSpan.FromMinutes(5), cancellationToken)).Jobs.Single();
    }
}
