using System.Diagnostics;
using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>Whose trace a shared transaction belongs to.</summary>
[CancelAfter(60_000)]
public sealed class StoreWriterTests
{
    [Test]
    public async Task What_waited_is_not_written_within_the_trace_of_who_wrote_before()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var source = NpgsqlDataSource.Create(database.ConnectionString);
        var gate = new TaskCompletionSource();
        var traces = new List<string?>();
        var writer = new StoreWriter<Write, int>(source, lanes: 1, async (_, writes) =>
        {
            traces.Add(Activity.Current?.Id);
            await gate.Task;
            return [.. writes.Select(_ => 0)];
        });

        using var request = new Activity("request").Start();
        var first = writer.AddAsync(new Write());
        var second = writer.AddAsync(new Write());
        gate.SetResult();
        await Task.WhenAll(first, second);

        Assert.That(traces, Is.EqualTo(new[] { request.Id, null }));
    }

    private sealed class Write() : StoreWrite<int>(isDurable: true);
}
