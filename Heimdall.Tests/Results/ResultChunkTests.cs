using System.Text;
using Heimdall.Core.Results;
using Heimdall.Tests.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Results;

[Parallelizable(ParallelScope.All)]
public sealed class ResultChunkTests
{
    [Test]
    public async Task Rows_come_back_as_they_were_stored()
    {
        string?[][] rows = [[null, ""], ["a", "ü🙂"], [new string('x', 127), new string('y', 128)], [new string('z', 100_000), null]];
        var chunk = new ResultChunk();
        foreach (var row in rows)
        {
            Write(chunk, row);
        }

        var back = new FakeResultWriter();
        await ResultChunk.ReplayAsync(chunk.Take(), columns: 2, back, CancellationToken.None);

        Assert.That(back.Rows, Is.EqualTo(rows));
    }

    [Test]
    public async Task Rows_without_columns_are_counted_and_a_taken_chunk_is_empty()
    {
        var chunk = new ResultChunk();
        Write(chunk, []);
        Write(chunk, []);

        var back = new FakeResultWriter();
        await ResultChunk.ReplayAsync(chunk.Take(), columns: 0, back, CancellationToken.None);

        Assert.That(back.Rows, Has.Count.EqualTo(2));
        Assert.That(chunk.Rows, Is.Zero);
        Assert.That(chunk.Bytes, Is.Zero);
    }

    private static void Write(ResultChunk chunk, string?[] row)
    {
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
