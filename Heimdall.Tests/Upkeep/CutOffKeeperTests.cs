using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Upkeep;
using Heimdall.Tests.Schedules;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>A keeper whose sweeps find no connection, or whose server can only be read.</summary>
[CancelAfter(120_000)]
public sealed class CutOffKeeperTests
{
    private ScheduleTestStore _store = null!;

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(DateTime.UtcNow);

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task It_leaves_the_upkeep_to_another_process(CancellationToken cancellationToken)
    {
        var isCutOff = new TaskCompletionSource();
        using var first = await CreateAsync(
            () =>
            {
                isCutOff.TrySetResult();
                throw new NpgsqlException("The connection pool has been exhausted.");
            },
            cancellationToken);
        var isDone = new TaskCompletionSource();
        using var second = await CreateAsync(() => isDone.TrySetResult(), cancellationToken);

        await first.StartAsync(cancellationToken);
        await isCutOff.Task.WaitAsync(cancellationToken);
        await second.StartAsync(cancellationToken);

        await isDone.Task.WaitAsync(cancellationToken);
        await first.StopAsync(cancellationToken);
        await second.StopAsync(cancellationToken);
    }

    [Test]
    public async Task A_server_that_can_only_be_read_has_no_keeper(CancellationToken cancellationToken)
    {
        var process = await _store.StartBesideAsync(cancellationToken);
        var database = process.GetRequiredService<StoreDatabase>();
        Task<KeeperSession?> OpenAsync(string condition) => KeeperSession.TryOpenAsync(
            database, [condition], lease: TimeSpan.FromSeconds(5), cancellationToken);

        await using (var demoted = await OpenAsync("set_config('transaction_read_only', 'on', true)::boolean"))
        {
            await Assert.ThrowsAsync<NpgsqlException>(() => demoted!.LookAsync(cancellationToken));
        }
        await using var writer = new NpgsqlConnection(
            $"{_store.Database.ConnectionString};Options=-c default_transaction_read_only=off;Pooling=false");
        await writer.OpenAsync(cancellationToken);
        await AlterAsync("set default_transaction_read_only = on");
        Assert.That(await OpenAsync("true"), Is.Null);

        await AlterAsync("reset default_transaction_read_only");
        await using var session = await OpenAsync("true");
        Assert.That(await session!.LookAsync(cancellationToken), Is.EqualTo(new[] { true }));

        async Task AlterAsync(string change)
        {
            await using var command = new NpgsqlCommand($"alter database {_store.Database.Name} {change}", writer);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task<Keeper> CreateAsync(Action sweep, CancellationToken cancellationToken)
    {
        var process = await _store.StartBesideAsync(cancellationToken);
        process.GetRequiredService<StoreReadiness>().SetReady();
        IReadOnlyList<Sweep> sweeps =
        [
            new("test", TimeSpan.FromMilliseconds(100), _ =>
            {
                sweep();
                return Task.CompletedTask;
            })
            {
                Condition = "true",
            },
        ];
        return ActivatorUtilities.CreateInstance<Keeper>(
            process, sweeps, new HeimdallConfig { Worker = new() { Lease = TimeSpan.FromSeconds(1) } });
    }
}
