using System.Globalization;
using System.Text;
using Apache.Arrow.Ipc;
using Heimdall.Api.Formats;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Formats;

/// <summary>Arrow and Parquet leave in pieces, and what is not the whole does not look like it.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class BatchResultWriterTests
{
    private static readonly ResultColumn[] _columns =
    [
        new("n", "int4", ResultValueKind.Number) { Form = new(ResultValueShape.Whole32) },
        new("text", "text", ResultValueKind.Text) { Form = new(ResultValueShape.Text) },
    ];

    private static readonly ResultEnding _whole = new() { Status = JobStatus.Succeeded, Truncated = false };

    [Test]
    public async Task Batches_of_arrow_leave_when_they_have_a_megabyte()
    {
        var sent = new PiecewiseOutput();

        await WriteAsync(ResultFormat.Arrow, sent, rows: 40_000, length: 200, _whole);

        Assert.That(sent.Pieces, Has.Count.AtLeast(8));
        Assert.That(sent.Pieces.Max(piece => piece.Length), Is.LessThan(1_100_000));
        Assert.That(await CountRowsAsync(sent.Bytes), Is.EqualTo(40_000));
    }

    [Test]
    public async Task A_row_that_is_longer_than_a_batch_is_one()
    {
        var sent = new PiecewiseOutput();

        await WriteAsync(ResultFormat.Arrow, sent, rows: 3, length: 3_000_000, _whole);

        Assert.That(sent.Pieces.Count(piece => piece.Length > 3_000_000), Is.EqualTo(3));
        Assert.That(await CountRowsAsync(sent.Bytes), Is.EqualTo(3));
    }

    [Test]
    public async Task Row_groups_of_parquet_are_bounded()
    {
        var sent = new PiecewiseOutput();

        await WriteAsync(ResultFormat.Parquet, sent, rows: 250_000, length: 200, _whole);

        using var file = new ParquetSharp.ParquetFileReader(new MemoryStream(sent.Bytes));
        var groups = Enumerable.Range(0, file.FileMetaData.NumRowGroups).Select(SizeOf).ToArray();
        Assert.That(file.FileMetaData.NumRows, Is.EqualTo(250_000));
        Assert.That(groups, Has.Length.EqualTo(4));
        Assert.That(groups.Max(), Is.LessThan(20_000_000));
        Assert.That(sent.Pieces, Has.Count.AtLeast(4), "each leaves when it is complete");

        long SizeOf(int i)
        {
            using var group = file.RowGroup(i); // what it says of itself goes with it
            return group.MetaData.TotalByteSize;
        }
    }

    [TestCase("arrow")]
    [TestCase("parquet")]
    public async Task A_result_that_failed_breaks_off_without_its_end(string word)
    {
        var (whole, broken, cut) = (new PiecewiseOutput(), new PiecewiseOutput(), new PiecewiseOutput());

        await WriteAsync(ResultFormat.Find(word)!, whole, rows: 100_000, length: 200, _whole);
        await WriteAsync(
            ResultFormat.Find(word)!, broken, rows: 100_000, length: 200, _whole with { Status = JobStatus.Failed });
        await WriteAsync(
            ResultFormat.Find(word)!, cut, rows: 100_000, length: 200, _whole with { Truncated = true });

        Assert.That(new[] { whole, broken, cut }.Select(sent => sent.IsAborted), Is.EqualTo(new[] { false, true, true }));
        Assert.That(whole.Bytes.AsSpan().StartsWith(broken.Bytes), "what was sent before is the same");
        Assert.That(broken.Bytes, Has.Length.LessThan(whole.Bytes.Length));
        Assert.That(cut.Bytes, Has.Length.LessThan(whole.Bytes.Length));
    }

    [TestCase(0)]
    [TestCase(2)]
    public async Task A_cut_result_that_said_so_at_its_beginning_is_whole(int rows)
    {
        var sent = new PiecewiseOutput();

        await WriteAsync(ResultFormat.Arrow, sent, rows, length: 10, _whole with { Truncated = true });

        using var reader = new ArrowStreamReader(sent.Bytes);
        Assert.That((await reader.GetSchema(CancellationToken.None)).Metadata[BatchResultWriter.TruncatedKey], Is.EqualTo("true"));
        Assert.That(await CountRowsAsync(sent.Bytes), Is.EqualTo(rows));
        Assert.That(sent.IsAborted, Is.False);
    }

    private static async Task WriteAsync(
        ResultFormat format, PiecewiseOutput output, int rows, int length, ResultEnding ending)
    {
        using var writer = format.CreateWriter(output, new ResultOpening());
        await writer.StartAsync(_columns, CancellationToken.None);
        for (var row = 0; row < rows; row++)
        {
            writer.StartRow();
            writer.WriteValue(Encoding.UTF8.GetBytes(row.ToString(CultureInfo.InvariantCulture)));
            writer.WriteValue(Encoding.UTF8.GetBytes($"{row}".PadRight(length, 'x')));
            writer.EndRow();
            await writer.FlushAsync(CancellationToken.None);
        }
        await writer.EndAsync(ending, CancellationToken.None);
    }

    private static async Task<int> CountRowsAsync(byte[] bytes)
    {
        using var reader = new ArrowStreamReader(bytes);
        var rows = 0;
        while (await reader.ReadNextRecordBatchAsync(CancellationToken.None) is { } batch)
        {
            rows += batch.Length;
        }
        return rows;
    }

    private sealed class PiecewiseOutput : IResultOutput
    {
        public List<byte[]> Pieces { get; } = [];

        public byte[] Bytes => [.. Pieces.SelectMany(piece => piece)];

        public bool IsAborted { get; private set; }

        public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            Pieces.Add(bytes.ToArray());
            return ValueTask.CompletedTask;
        }

        public void Abort() => IsAborted = true;
    }
}
