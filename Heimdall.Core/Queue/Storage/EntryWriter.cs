using Hangfire.States;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// Writes changes of entries, those of several threads in one statement. It has a connection of its own and waits for
/// no row that somebody has locked: nothing of a running job can wait for it.
/// </summary>
internal sealed class EntryWriter
{
    /// <summary>
    /// The field of a server's data that says that it uses this storage, and which version of the schema it knows.
    /// </summary>
    public const string Mark = "Heimdall";

    private readonly StoreWriter<EntryChange, EntryAnswer> _writer;
    private readonly string _sql;

    public EntryWriter(StoreDatabase database)
    {
        _writer = new(database.Entries, ConnectionLimits.EntryLanes, WriteAsync);
        var schema = database.HangfireSchema;

        // A history is shown in the order of the ids of its states. A row that is locked is refused like one that has
        // changed: who asked decides anew.
        _sql = $"""
            with asked as materialized (
                select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) with ordinality as asked (
                    id, expected, expects_as_made, refuses_stock, name, reason, created_at, data, sets_expiry,
                    expires_in, number)),
            present as materialized (
                select {HasStockServer(schema)} as has_stock,
                    (select max(version) from "{schema}".schema) = {EntryStorage.KnownVersion} as is_known),
            locked as materialized (
                select id, stateid, statename from "{schema}".job
                where id = any($1) order by id for no key update skip locked),
            fitting as materialized (
                select asked.*, nextval('"{schema}".state_id_seq') as new_stateid
                from asked join locked on locked.id = asked.id cross join present
                where case when expects_as_made then statename = '{EnqueuedState.StateName}'
                        else stateid is not distinct from expected end
                    and present.is_known and not (asked.refuses_stock and present.has_stock)),
            kept as (
                insert into "{schema}".state (id, jobid, name, reason, createdat, data)
                select new_stateid, id, name, reason, created_at, data::jsonb from fitting),
            changed as (
                update "{schema}".job set stateid = fitting.new_stateid, statename = fitting.name,
                    expireat = case when fitting.sets_expiry then now() + fitting.expires_in else job.expireat end
                from fitting where job.id = fitting.id),
            counted as (
                insert into "{schema}".counter (key, value, expireat)
                select key, sum(value), now() + expires_in
                from unnest($11, $12, $13, $14) as count (number, key, value, expires_in)
                where number in (select number from fitting)
                group by key, expires_in)
            select asked.number::int, fitting.new_stateid, present.has_stock
            from asked cross join present left join fitting on fitting.number = asked.number
            """;
    }

    /// <summary>
    /// A condition: a server lives that has no mark of ours, or one of another version of the schema.
    /// </summary>
    public static string HasStockServer(string schema) => $"""
        exists (
            select from "{schema}".server
            where data ->> '{Mark}' is distinct from (select max(version)::text from "{schema}".schema))
        """;

    /// <summary>Writes a change, with whatever others are written at that time. Waits for it.</summary>
    public EntryAnswer Write(EntryChange change) => _writer.AddAsync(change).GetAwaiter().GetResult();

    private async Task<IReadOnlyList<EntryAnswer>> WriteAsync(
        NpgsqlConnection connection, IReadOnlyList<EntryChange> changes)
    {
        // Of two changes of one entry at one time, the second was decided by what the first changes.
        EntryChange[] written = [.. changes.DistinctBy(change => change.Id)];
        await using var command = ToCommand(connection, written);
        var answers = new Dictionary<EntryChange, EntryAnswer>(ReferenceEqualityComparer.Instance);
        await using (var row = await command.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
            {
                answers[written[row.GetInt32(0) - 1]] =
                    new EntryAnswer(row.IsDBNull(1) ? null : row.GetInt64(1), row.GetBoolean(2));
            }
        }
        return [.. changes.Select(change => answers.GetValueOrDefault(change))];
    }

    private NpgsqlCommand ToCommand(NpgsqlConnection connection, EntryChange[] changes)
    {
        var columns = new ColumnArrays<EntryChange>(changes);
        var counts = new ColumnArrays<(long Number, EntryCount Count)>([.. changes.SelectMany(
            (change, index) => change.Counts.Select(count => (index + 1L, count)))]);
        return new NpgsqlCommand(_sql, connection)
        {
            Parameters =
            {
                columns.Take(NpgsqlDbType.Bigint, change => change.Id),
                columns.Take(NpgsqlDbType.Bigint, change => change.Expected),
                columns.Take(NpgsqlDbType.Boolean, change => change.ExpectsAsMade),
                columns.Take(NpgsqlDbType.Boolean, change => change.RefusesStockServers),
                columns.Take(NpgsqlDbType.Text, change => change.Name),
                columns.Take(NpgsqlDbType.Text, change => change.Reason),
                columns.Take(NpgsqlDbType.TimestampTz, change => change.CreatedAt),
                columns.Take(NpgsqlDbType.Text, change => change.Data),
                columns.Take(NpgsqlDbType.Boolean, change => change.SetsExpiry),
                columns.Take(NpgsqlDbType.Interval, change => change.ExpiresIn),
                counts.Take(NpgsqlDbType.Bigint, count => count.Number),
                counts.Take(NpgsqlDbType.Text, count => count.Count.Key),
                counts.Take(NpgsqlDbType.Integer, count => count.Count.Value),
                counts.Take(NpgsqlDbType.Interval, count => count.Count.ExpiresIn),
            },
        };
    }
}
