using System.Buffers.Binary;
using System.Text;
using Heimdall.Plugins.Postgres.Queries;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Tests.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Rows that are too long for what is wanted of them.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class ServerMessagesTests
{
    private const int Long = 20_000_000;

    [TestCase('D')]
    [TestCase('d')]
    public async Task A_row_above_the_limit_is_dropped_by_the_length_that_is_announced(char type)
    {
        var stream = new CountingStream([.. Message(type, Long), .. Message('Z', 1)]);
        var rows = new RowSink(
            new FakeResultWriter(), rowLimit: null, byteLimit: 1000, longestRow: long.MaxValue, checksText: false);
        using var messages = new ServerMessages(stream);

        var row = await ReadAsync(messages, rows);
        var next = await ReadAsync(messages, rows);

        Assert.That((row, next), Is.EqualTo(((type, 0), ('Z', 1))));
        Assert.That(stream.LargestBuffer, Is.LessThan(1_000_000));
    }

    [Test]
    public async Task A_row_is_read_whole_where_nothing_limits_it()
    {
        var rows = new RowSink(
            new FakeResultWriter(), rowLimit: null, byteLimit: null, longestRow: long.MaxValue, checksText: false);
        using var messages = new ServerMessages(new MemoryStream(Message('D', Long)));

        Assert.That(await ReadAsync(messages, rows), Is.EqualTo(('D', Long)));
    }

    [Test]
    public async Task A_long_row_takes_as_much_memory_as_it_has()
    {
        var stream = new CountingStream(Message('D', Long));
        var rows = new RowSink(
            new FakeResultWriter(), rowLimit: null, byteLimit: null, longestRow: long.MaxValue, checksText: false);
        using var messages = new ServerMessages(stream);

        await ReadAsync(messages, rows);

        Assert.That(stream.LargestBuffer, Is.LessThan(Long + 10));
    }

    [Test]
    public async Task A_row_that_was_dropped_ends_the_result([Values("row", "line")] string kind, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var rows = new RowSink(
            results, rowLimit: null, byteLimit: 1000, longestRow: long.MaxValue, checksText: false);
        await rows.StartAsync([new("a", "text", Core.Plugins.ResultValueKind.Text)], [25], cancellationToken);

        await (kind == "row" ? rows.AddRowAsync([], cancellationToken) : rows.AddLineAsync([], cancellationToken));

        Assert.That((rows.IsCut, rows.Rows, results.Rows.Count, rows.LongestRow), Is.EqualTo((true, 0L, 0, 0L)));
    }

    [TestCase('D')]
    [TestCase('d')]
    public async Task A_row_above_the_ceiling_is_no_row(char type, CancellationToken cancellationToken)
    {
        var stream = new CountingStream([.. Message(type, Long), .. Message('Z', 1)]);
        var rows = new RowSink(
            new FakeResultWriter(), rowLimit: null, byteLimit: null, longestRow: 1000, checksText: false);
        await rows.StartAsync([new("a", "text", Core.Plugins.ResultValueKind.Text)], [25], cancellationToken);
        using var messages = new ServerMessages(stream);

        var row = await ReadAsync(messages, rows);
        await (type == 'D' ? rows.AddRowAsync([], cancellationToken) : rows.AddLineAsync([], cancellationToken));

        Assert.That((row, rows.IsTooLong, rows.IsCut), Is.EqualTo(((type, 0), true, false)));
        Assert.That(stream.LargestBuffer, Is.LessThan(1_000_000));
    }

    [TestCase('N')]
    [TestCase('E')]
    public async Task Of_a_long_report_only_the_beginning_is_kept(char type)
    {
        byte[] text = [(byte)'S', .. "NOTICE\0"u8, (byte)'M', .. Encoding.UTF8.GetBytes(new string('ü', Long / 2)), 0, 0];
        var stream = new CountingStream([.. Message(type, text), .. Message('Z', 1)]);
        using var messages = new ServerMessages(stream);
        var rows = new RowSink(
            new FakeResultWriter(), rowLimit: null, byteLimit: null, longestRow: long.MaxValue, checksText: false);

        var report = "";
        var read = await ReadAsync(
            messages, rows, body => report = ServerReport.Read(body, Encoding.UTF8).ToNotice().MessageText);
        var next = await ReadAsync(messages, rows);

        Assert.That((read.Type, next), Is.EqualTo((type, ('Z', 1))));
        Assert.That(report, Is.EqualTo($"{new string('ü', 16 * 1024)} …"));
        Assert.That(stream.LargestBuffer, Is.LessThan(1_000_000));
    }

    [Test]
    public void A_message_that_is_longer_than_any_of_its_kind_is_refused()
    {
        using var messages = new ServerMessages(new MemoryStream(Message('T', Long)));
        var rows = new RowSink(
            new FakeResultWriter(), rowLimit: null, byteLimit: null, longestRow: long.MaxValue, checksText: false);

        Assert.That(() => ReadAsync(messages, rows), Throws.InstanceOf<InvalidDataException>());
    }

    private static byte[] Message(char type, byte[] body)
    {
        var message = Message(type, body.Length);
        body.CopyTo(message, 5);
        return message;
    }

    private static byte[] Message(char type, int length)
    {
        var message = new byte[5 + length];
        message[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), length + 4);
        return message;
    }

    private delegate void Look(ReadOnlySpan<byte> body);

    private static async Task<(char Type, int Length)> ReadAsync(
        ServerMessages messages, RowSink rows, Look? look = null)
    {
        byte type;
        int length;
        while (!TryRead(out type, out length))
        {
            await messages.FillAsync();
        }
        return ((char)type, length);

        bool TryRead(out byte type, out int length)
        {
            var isThere = messages.TryRead(rows.LongestRow, out type, out var body);
            length = body.Length;
            if (isThere)
            {
                look?.Invoke(body);
            }

            return isThere;
        }
    }

    private sealed class CountingStream(byte[] content) : MemoryStream(content)
    {
        public int LargestBuffer { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            LargestBuffer = Math.Max(LargestBuffer, buffer.Length);
            return base.ReadAsync(buffer, cancellationToken);
        }
    }
}
