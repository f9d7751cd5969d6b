using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Looks whether the store can be used: opens a session, takes a place out of a queue and puts it back, and asks for the
/// rights to all tables. Each look has a session of its own: it sees what a new one gets.
/// </summary>
internal sealed class StoreProbe(StoreDatabase database, StoreClock clock)
{
    /// <summary>Heimdall's tables.</summary>
    internal static readonly string[] Tables =
    [
        "cluster", "command", "idempotency_key", "job", "job_attempt", "job_log", "job_result", "job_result_chunk",
        "job_predecessor", "dashboard_key", "pause", "queue_unshown", "readiness", "schedule", "schedule_run", "worker",
    ];

    /// <summary>Hangfire's.</summary>
    internal static readonly string[] HangfireTables =
    [
        "aggregatedcounter", "counter", "hash", "job", "jobparameter", "jobqueue", "list", "lock", "server", "set", "state",
    ];

    private const int Tries = 5;

    private static readonly TimeSpan TryInterval = TimeSpan.FromMilliseconds(100);

    // A place that another process is taking is passed over, as in a claim.
    private const string TakeSql = """
        with taken as materialized (select place from readiness order by taken_at limit 1 for update skip locked)
        update readiness set taken_at = clock_timestamp() where place = (select place from taken)
        """;

    // The first table without a right. A table that is missing is an error.
    private const string RightSql = """
        select clock_timestamp(), (
            select "right" || ' on ' || name from unnest($1::text[]) name
                cross join unnest('{select,insert,update,delete}'::text[]) "right"
            where not has_table_privilege(name, "right") limit 1)
        """;

    private readonly string[] _tables =
    [
        .. Tables.Select(StoreDatabase.Quote),
        .. HangfireTables.Select(
            table => $"{StoreDatabase.Quote(database.HangfireSchema)}.{StoreDatabase.Quote(table)}"),
    ];

    /// <returns>Why the store cannot be used; null when it can.</returns>
    public async Task<string?> FindProblemAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Migrations.OpenConnectionAsync(cancellationToken);
        if (!await TakeAsync(connection, cancellationToken))
        {
            return "the store does not finish what is written to it";
        }
        await using var right = new NpgsqlCommand(RightSql, connection) { Parameters = { new() { Value = _tables } } };
        var asked = clock.GetTimestamp();
        await using var row = await right.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        clock.Set(asked, row.GetDateTime(0));
        return row.IsDBNull(1) ? null : $"the store's login lacks a right: {row.GetString(1)}";
    }

    private static async Task<bool> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var take = new NpgsqlCommand(TakeSql, connection);
        for (var tries = 1; tries <= Tries; tries++)
        {
            if (await take.ExecuteNonQueryAsync(cancellationToken) > 0)
            {
                return true;
            }
            await Task.Delay(TryInterval, cancellationToken); // others have all places, for milliseconds each
        }
        return false;
    }

    /// <summary>Looks only what its clock shows.</summary>
    public async Task ReadClockAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Migrations.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand("select clock_timestamp()", connection);
        var asked = clock.GetTimestamp();
        clock.Set(asked, (DateTime)(await command.ExecuteScalarAsync(cancellationToken))!);
    }
}
