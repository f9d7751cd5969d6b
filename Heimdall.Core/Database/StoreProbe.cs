using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Looks whether the store can be used: opens a session, takes a place out of a queue and puts it back, and asks for the
/// rights to all tables and sequences. Each look has a session of its own: it sees what a new one gets.
/// </summary>
internal sealed class StoreProbe(StoreDatabase database, StoreClock clock)
{
    /// <summary>Heimdall's tables.</summary>
    internal static readonly string[] Tables =
    [
        "api_key_use", Audit, "browser_session", "cluster",
        "command", "file_retention", "hook_delivery", "hook_state", "idempotency_key",
        "job", "job_attempt", "job_log", "job_result", "job_result_chunk", "job_predecessor", "child_end", "dashboard_key",
        "pause", "queue_unshown", "readiness", "schedule", "schedule_run", "script", "shared_setting", "worker",
    ];

    /// <summary>Hangfire's.</summary>
    internal static readonly string[] HangfireTables =
    [
        "aggregatedcounter", "counter", "hash", "job", "jobparameter", "jobqueue", "list", "lock", "server", "set", "state",
    ];

    /// <summary>Of it the login needs to read and to add; a login that cannot change it keeps it better.</summary>
    private const string Audit = "audit";

    private const int Tries = 5;

    private static readonly TimeSpan TryInterval = TimeSpan.FromMilliseconds(100);

    // The first table or sequence without a right. A table that is missing is an error. The sequence of an identity
    // column needs no right.
    private const string RightSql = """
        select clock_timestamp(), coalesce(
            (select "right" || ' on ' || name from unnest($1::text[]) name
                cross join unnest('{select,insert,update,delete}'::text[]) "right"
            where not has_table_privilege(name, "right") and (name <> $2 or "right" in ('select', 'insert'))
            limit 1),
            (select 'usage on ' || quote_ident(nspname) || '.' || quote_ident(relname)
            from pg_depend join pg_class on pg_class.oid = objid join pg_namespace on pg_namespace.oid = relnamespace
            where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass and deptype = 'a'
                and refobjid = any ($1::text[]::regclass[])
                and case relkind when 'S' then not has_sequence_privilege(pg_class.oid, 'usage, update') end limit 1))
        """;

    // Names with their schema: without the right to it PostgreSQL says so, and not that the table does not exist.
    private readonly string[] _tables =
    [
        .. Tables.Select(table => InSchema(database.Schema, table)),
        .. HangfireTables.Select(table => InSchema(database.HangfireSchema, table)),
    ];

    // A place that another process is taking is passed over, as in a claim.
    private readonly string _takeSql = $"""
        with taken as materialized (
            select place from {InSchema(database.Schema, "readiness")} order by taken_at limit 1 for update skip locked)
        update {InSchema(database.Schema, "readiness")} set taken_at = clock_timestamp()
        where place = (select place from taken)
        """;

    // A backup that was restored without this table's rows has none.
    private readonly string _fillSql = $"""
        insert into {InSchema(database.Schema, "readiness")} (place) select generate_series(1, 8)
        on conflict do nothing
        """;

    /// <returns>Why the store cannot be used; null when it can.</returns>
    public async Task<string?> FindProblemAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Looks.OpenConnectionAsync(cancellationToken);
        if (!await TakeAsync(connection, cancellationToken))
        {
            return "the store does not finish what is written to it";
        }
        await using var right = new NpgsqlCommand(RightSql, connection)
        {
            Parameters = { new() { Value = _tables }, new() { Value = InSchema(database.Schema, Audit) } },
        };
        var asked = clock.GetTimestamp();
        await using var row = await right.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        clock.Set(asked, row.GetDateTime(0));
        return row.IsDBNull(1) ? null : $"the store's login lacks a right: {row.GetString(1)}";
    }

    private async Task<bool> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var take = new NpgsqlCommand(_takeSql, connection);
        for (var tries = 1; tries <= Tries; tries++)
        {
            if (await take.ExecuteNonQueryAsync(cancellationToken) > 0)
            {
                return true;
            }
            await Task.Delay(TryInterval, cancellationToken); // others have all places, for milliseconds each
        }
        await using var fill = new NpgsqlCommand(_fillSql, connection);
        return await fill.ExecuteNonQueryAsync(cancellationToken) > 0; // that was a write too
    }

    /// <summary>Looks only what its clock shows.</summary>
    public async Task ReadClockAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Looks.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand("select clock_timestamp()", connection);
        var asked = clock.GetTimestamp();
        clock.Set(asked, (DateTime)(await command.ExecuteScalarAsync(cancellationToken))!);
    }

    private static string InSchema(string schema, string table) =>
        $"{StoreDatabase.Quote(schema)}.{StoreDatabase.Quote(table)}";
}
