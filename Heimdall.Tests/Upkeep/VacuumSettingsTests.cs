using Heimdall.Core.Upkeep;
using Heimdall.Tests.Schedules;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>How soon the tables of history are vacuumed.</summary>
[CancelAfter(60_000)]
public sealed class VacuumSettingsTests
{
    private const string SetSql = """
        select relname::text from pg_class
        where relnamespace = 'heimdall'::regnamespace and 'autovacuum_vacuum_scale_factor=0.01' = any (reloptions)
        order by relname
        """;

    private ScheduleTestStore _store = null!;

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(DateTime.UtcNow);

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task They_are_set_once_a_table_is_free_and_those_of_an_operator_stay(
        CancellationToken cancellationToken)
    {
        var vacuum = (await _store.StartAsync(cancellationToken)).GetRequiredService<VacuumSettings>();
        await _store.Database.ExecuteAsync(
            "alter table heimdall.job_log set (autovacuum_vacuum_scale_factor = 0.5)", cancellationToken);
        await using (var vacuuming = new NpgsqlConnection(_store.Database.ConnectionString))
        {
            await vacuuming.OpenAsync(cancellationToken);
            await using var held = await vacuuming.BeginTransactionAsync(cancellationToken);
            await using var take = new NpgsqlCommand(
                "lock table heimdall.job in share update exclusive mode", vacuuming, held);
            await take.ExecuteNonQueryAsync(cancellationToken);

            await vacuum.SetAsync(cancellationToken);
        }
        string[] others =
        [
            "child_end", "hook_delivery", "idempotency_key", "job_attempt", "job_result", "job_result_chunk", "schedule_run",
        ];
        Assert.That(await _store.Database.ColumnAsync<string>(SetSql, cancellationToken), Is.EqualTo(others));

        await vacuum.SetAsync(cancellationToken);

        Assert.That(
            await _store.Database.ColumnAsync<string>(SetSql, cancellationToken),
            Is.EquivalentTo([.. others, "job"]));
    }
}
