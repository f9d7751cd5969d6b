using System.Text;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Heimdall.Tests.Plugins;
using NUnit.Framework;
using ZstdSharp;

namespace Heimdall.Tests.Results;

[Parallelizable(ParallelScope.All)]
public sealed class ResultChunkTests
{
    [Test]
    public async Task Rows_come_back_as_they_were_stored()
    {
        string?[][] rows = [[null, ""], ["a", "ü🙂"], [new string('x', 127), new string('y', 128)], [new string('z', 100_000), null]];
        using var chunk = new ResultChunk();
        foreach (var row in rows)
        {
            Write(chunk, row);
        }

        var back = new FakeResultWriter();
        await ReplayAsync(chunk, columns: 2, back);

        Assert.That(back.Rows, Is.EqualTo(rows));
    }

    [Test]
    public async Task Rows_without_columns_are_counted()
    {
        using var chunk = new ResultChunk();
        Write(chunk, []);
        Write(chunk, []);

        var back = new FakeResultWriter();
        await ReplayAsync(chunk, columns: 0, back);

        Assert.That(back.Rows, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Rows_are_skipped_and_left_out()
    {
        using var chunk = new ResultChunk();
        foreach (var number in Enumerable.Range(0, 10))
        {
            Write(chunk, [null, new string('x', 200 * number), $"{number}"]);
        }

        var back = new FakeResultWriter();
        await ReplayAsync(chunk, columns: 3, back, skip: 4, take: 3);

        Assert.That(back.Rows.Select(row => row[2]), Is.EqualTo(new[] { "4", "5", "6" }));
    }

    [Test]
    public async Task A_row_that_is_taken_back_leaves_no_trace()
    {
        using var chunk = new ResultChunk();
        Write(chunk, ["a"]);
        chunk.StartRow();
        chunk.WriteValue(new byte[1_000_000]);
        chunk.TakeBackRow();
        Write(chunk, ["b"]);

        var back = new FakeResultWriter();
        await ReplayAsync(chunk, columns: 1, back);

        Assert.That(back.Rows, Is.EqualTo(new string[][] { ["a"], ["b"] }));
    }

    [Test]
    public void A_chunk_that_is_damaged_is_told_from_a_whole_one([Range(0, 60, 5)] int place)
    {
        using var chunk = new ResultChunk();
        Write(chunk, [.. Enumerable.Range(0, 100).Select(number => $"{number * 7919}")]);
        using var stored = Store(chunk);
        stored.Data.Span[^(place + 1)] ^= 0x10;
        using var decompressor = new Decompressor();

        var exception = Assert.Throws<ResultStorageException>(() => ReplayedChunk.Unpack(stored, decompressor));

        Assert.That(exception.IsLost, Is.True);
    }

    private static StoredChunk Store(ResultChunk chunk)
    {
        using var compressor = ResultChunk.CreateCompressor();
        var (bytes, length) = chunk.Pack(compressor);
        var stored = new StoredChunk(chunk.FirstRow, chunk.Rows, length);
        bytes.AsMemory(0, length).CopyTo(stored.Data);
        return stored;
    }

    private static async Task ReplayAsync(ResultChunk chunk, int columns, FakeResultWriter writer, int skip = 0, int? take = null)
    {
        using var stored = Store(chunk);
        using var decompressor = new Decompressor();
        using var replayed = ReplayedChunk.Unpack(stored, decompressor);
        replayed.Skip(skip, columns);
        await replayed.ReplayAsync(take ?? replayed.Rows, columns, writer, CancellationToken.None);
    }

    private static void Write(ResultChunk chunk, string?[] row)
    {
        chunk.StartRow();
        foreach (var value in row)
        {
            if (value is null)
            {
                chunk.WriteNull();
            }
            else
            {
                chunk.WriteValue(Encoding.UTF8.GetBytes(value));
            }
        }
        chunk.EndRow();
    }
}
