using System.Text;
using Heimdall.Cli;
using Heimdall.Client;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary>A stored result that a client reads in chunks side by side is the result.</summary>
[CancelAfter(120_000)]
public sealed class ParallelResultTests
{
    private const int Rows = 20_000;

    private static readonly HeimdallChunks Small = new() { Parallel = 3, MaxBytes = 200_000 };

    private HeimdallInstance _heimdall = null!;
    private HeimdallClient _client = null!;
    private Guid _id;
    private string[] _expected = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        _client = Connect();
        _id = await StoreAsync($"select n, repeat(md5(n::text), 3) as filler from generate_series(1, {Rows}) n");
        await using var rows = await _client.ResultAsync(_id);
        _expected = await TextsAsync(rows, CancellationToken.None);
        Assert.That(_expected, Has.Length.EqualTo(Rows));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _client.Dispose();
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task Rows_keep_their_order_whichever_chunk_comes_first(CancellationToken cancellationToken)
    {
        var third = new TaskCompletionSource();
        using var way = new FaultyWay
        {
            Counted = IsChunk,
            // The first one comes when two more are asked for.
            Before = async (_, number) =>
            {
                if (number == 1)
                {
                    await third.Task.WaitAsync(cancellationToken);
                }
                else if (number == 3)
                {
                    third.SetResult();
                }
                return null;
            },
        };
        using var client = Connect(way);

        await using var rows = await client.ResultAsync(_id, Small, cancellationToken);
        var texts = await TextsAsync(rows, cancellationToken);

        Assert.That(texts.SequenceEqual(_expected), "these are other rows, or in another order");
        Assert.That((rows.RowCount, rows.IsTruncated, rows.JobId), Is.EqualTo(((long)Rows, (bool?)false, (Guid?)_id)));
        Assert.That(rows.Columns.Select(column => column.Name), Is.EqualTo(new[] { "n", "filler" }));
        Assert.That(way.Sent, Is.GreaterThan(10));
    }

    [Test]
    public async Task No_more_chunks_are_read_than_the_caller_has_allowed(CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { Counted = IsChunk };
        using var client = Connect(way);

        var rows = await client.ResultAsync(_id, Small, cancellationToken);
        var first = await rows.FirstAsync(cancellationToken);
        var sent = way.Sent;
        await rows.DisposeAsync();

        Assert.That((first.GetInt64(0), sent), Is.EqualTo((1, Small.Parallel + 1)));
        Assert.That(way.Sent, Is.EqualTo(sent));
    }

    [Test]
    public async Task A_chunk_whose_connection_breaks_is_read_again(CancellationToken cancellationToken)
    {
        using var way = new FaultyWay
        {
            Counted = IsChunk,
            After = (_, _, number) => number == 2
                ? throw new HttpRequestException(HttpRequestError.ResponseEnded)
                : Task.CompletedTask,
        };
        using var client = Connect(way);

        await using var rows = await client.ResultAsync(_id, Small, cancellationToken);

        Assert.That((await TextsAsync(rows, cancellationToken)).SequenceEqual(_expected), "these are other rows");
    }

    [Test]
    public async Task A_chunk_with_another_hash_is_not_taken(CancellationToken cancellationToken)
    {
        using var way = new FaultyWay
        {
            Counted = IsChunk,
            After = async (_, response, number) =>
            {
                if (number == 4)
                {
                    var text = await response.Content.ReadAsStringAsync(cancellationToken);
                    response.Content = new StringContent(
                        text.Replace(",\"a", ",\"b", StringComparison.Ordinal), Encoding.UTF8, "application/x-ndjson");
                }
            },
        };
        using var client = Connect(way);
        await using var rows = await client.ResultAsync(_id, Small, cancellationToken);

        var failure = await Assert.ThrowsAsync<HeimdallException>(() => TextsAsync(rows, cancellationToken));

        Assert.That(failure.Message, Does.Contain("its SHA-256 is another"));
        Assert.That(failure.JobId, Is.EqualTo(_id));
        Assert.That(rows.RowCount, Is.Positive.And.LessThan(Rows));
    }

    [Test]
    public async Task Rows_that_a_limit_has_cut_and_no_rows_are_told_too(CancellationToken cancellationToken)
    {
        var cut = await StoreAsync("select generate_series(1, 10) as n", limit: 3);
        var none = await StoreAsync("select 1 as n where false");

        await using var three = await _client.ResultAsync(cut, Small, cancellationToken);
        await using var empty = await _client.ResultAsync(none, Small, cancellationToken);

        Assert.That((await three.CountAsync(cancellationToken), three.IsTruncated), Is.EqualTo((3, (bool?)true)));
        Assert.That((await empty.CountAsync(cancellationToken), empty.IsTruncated), Is.EqualTo((0, (bool?)false)));
        Assert.That(empty.Columns.Single().Name, Is.EqualTo("n"));
    }

    [Test]
    public async Task A_row_that_is_longer_than_a_chunk_may_be_is_refused(CancellationToken cancellationToken)
    {
        var id = await StoreAsync("select repeat('x', 1000) as long from generate_series(1, 3)");

        var failure = await Assert.ThrowsAsync<HeimdallException>(
            () => _client.ResultAsync(id, new HeimdallChunks { MaxBytes = 500 }, cancellationToken));

        Assert.That(failure.Message, Does.StartWith("The result has no chunks of at most 500 bytes"));
    }

    [Test]
    public async Task The_command_line_prints_the_same_either_way()
    {
        var (plain, parallel) = (new CliRun(_heimdall.Address), new CliRun(_heimdall.Address));

        await plain.RunAsync("result", _id.ToString(), "--format", "csv");
        var code = await parallel.RunAsync("result", _id.ToString(), "--format", "csv", "--parallel", "4");

        Assert.That(code, Is.Zero, parallel.Error);
        Assert.That(parallel.Out == plain.Out, "the outputs differ");
    }

    [TestCase("--parallel", "0", "1 to 64")]
    [TestCase("--parallel", "4", "several files", "--format", "parquet")]
    public async Task What_cannot_be_read_side_by_side_is_refused(
        string option, string number, string said, params string[] more)
    {
        var cli = new CliRun(_heimdall.Address);

        Assert.That(
            await cli.RunAsync(["result", _id.ToString(), option, number, .. more]), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain(said));
    }

    private static bool IsChunk(HttpRequestMessage request) =>
        request.RequestUri!.AbsolutePath.EndsWith("/result", StringComparison.Ordinal);

    private HeimdallClient Connect(HttpMessageHandler? handler = null) =>
        new(new HeimdallOptions { Address = _heimdall.Address, Handler = handler });

    private async Task<Guid> StoreAsync(string sql, long? limit = null)
    {
        var job = await _client.RunAsync(new HeimdallSubmission
        {
            Query = sql, ClusterCriteria = ["data:local"], ReturnResult = true, RowLimit = limit,
        });
        Assert.That(job.Status, Is.EqualTo("SUCCEEDED"), job.ToString());
        return job.Id;
    }

    private static async Task<string[]> TextsAsync(QueryRows rows, CancellationToken cancellationToken)
    {
        var texts = new List<string>();
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            texts.Add($"{row.GetText(0)} {row.GetText(1)}");
        }
        return [.. texts];
    }
}
