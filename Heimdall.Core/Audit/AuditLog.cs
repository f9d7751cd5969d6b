using System.Diagnostics;
using System.Text;
using Heimdall.Core.Database;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Audit;

/// <summary>
/// The <c>audit</c> table: who asked for what, and whether it was done. A change of the store is recorded in its own
/// transaction; what was refused, and what changes files, after it. The time is the store's.
/// </summary>
public sealed class AuditLog(StoreDatabase database)
{
    private const string Columns = "id, at, \"user\", authenticated_by, address, action, target, outcome, status";

    private const string InsertSql = """
        insert into audit ("user", authenticated_by, address, action, target, outcome, status)
        values ($1, $2, $3, $4, $5, $6, $7)
        """;

    // The table refuses to lose what is younger than a day. No lock: that would need the right to change records.
    internal const string ForgetSql = """
        delete from audit where id in (
            select id from audit where at < now() - greatest($1, interval '1 day')
            order by at, id limit $2)
        """;

    private const int ForgottenAtOnce = 1000;

    private readonly AsyncLocal<AuditEntry?> _current = new();

    /// <summary>What the request that is served asks for; null where nothing is recorded.</summary>
    public AuditEntry? Current
    {
        get => _current.Value;
        set => _current.Value = value;
    }

    /// <summary>Makes a change of the store, and records it in its transaction if somebody has asked for it.</summary>
    /// <param name="changeAsync">The change.</param>
    /// <param name="isChange">Whether something was changed.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    public async Task<T> InTransactionAsync<T>(
        Func<NpgsqlConnection, Task<T>> changeAsync, Predicate<T> isChange, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        if (Current is null)
        {
            return await changeAsync(connection);
        }
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var changed = await changeAsync(connection);
        if (isChange(changed))
        {
            await RecordAsync(connection, cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);
        Committed(isChange(changed));
        return changed;
    }

    /// <summary>Records what is asked for as done, within the transaction that does it.</summary>
    internal async Task RecordAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (Current is { IsRecorded: false } entry)
        {
            await using var command = ToInsert(entry, AuditOutcome.Done, status: null);
            command.Connection = connection;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Records, within the same transaction, what else of what is asked for must outlive its object.</summary>
    internal async Task RecordMoreAsync(
        NpgsqlConnection connection, string target, CancellationToken cancellationToken)
    {
        if (Current is { IsRecorded: false } entry)
        {
            await using var command = ToInsert(entry with { Target = target }, AuditOutcome.Done, status: null);
            command.Connection = connection;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Once that transaction has been committed.</summary>
    internal void Committed(bool isChange)
    {
        if (isChange && Current is { } entry)
        {
            entry.IsRecorded = true;
        }
    }

    /// <summary>Records what was asked for by itself.</summary>
    public async Task WriteAsync(
        AuditEntry entry, AuditOutcome outcome, int? status, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var command = ToInsert(entry, outcome, status);
        command.Connection = connection;
        await command.ExecuteNonQueryAsync(cancellationToken);
        entry.IsRecorded = true;
    }

    /// <summary>A page of the audit, the newest first.</summary>
    public async Task<AuditPage> ListAsync(AuditFilter filter, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand();
        var conditions = new StringBuilder();
        Add(filter.User, "\"user\" = ");
        Add(filter.Target, "target = ");
        Add(filter.Action, "action = ");
        Add(filter.Outcome?.ToName(), "outcome = ");
        Add(filter.After, "at > ");
        Add(filter.Before, "at < ");
        if (filter.Cursor is { } cursor)
        {
            Add(cursor.At, "(at, id) < (");
            command.Parameters.Add(new() { Value = cursor.Id });
            conditions.Append(null, $", ${command.Parameters.Count})");
        }
        command.Parameters.Add(new() { Value = filter.Limit + 1 });
        command.CommandText = $"""
            select {Columns} from audit where true{conditions}
            order by at desc, id desc limit ${command.Parameters.Count}
            """;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var records = new List<AuditRecord>();
        while (await row.ReadAsync(cancellationToken))
        {
            records.Add(Read(row));
        }
        if (records.Count <= filter.Limit)
        {
            return new AuditPage(records, null);
        }
        records.RemoveAt(filter.Limit);
        return new AuditPage(records, new AuditCursor(records[^1].At, records[^1].Id));

        void Add(object? value, string condition)
        {
            if (value is not null)
            {
                command.Parameters.Add(new() { Value = value });
                conditions.Append(null, $" and {condition}${command.Parameters.Count}");
            }
        }
    }

    /// <summary>Deletes old records, where the login may.</summary>
    /// <param name="age">How old.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>How many they were.</returns>
    internal async Task<long> ForgetAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        await using var right = database.DataSource.CreateCommand("select has_table_privilege('audit', 'delete')");
        if (!(bool)(await right.ExecuteScalarAsync(cancellationToken))!)
        {
            return 0;
        }
        var forgotten = 0L;
        while (true)
        {
            var begun = Stopwatch.GetTimestamp();
            await using var command = database.DataSource.CreateCommand(ForgetSql);
            command.Parameters.Add(new() { Value = age });
            command.Parameters.Add(new() { Value = ForgottenAtOnce });
            var some = await command.ExecuteNonQueryAsync(cancellationToken);
            forgotten += some;
            if (some < ForgottenAtOnce)
            {
                return forgotten;
            }
            await Task.Delay(Stopwatch.GetElapsedTime(begun), cancellationToken); // it works half of the time
        }
    }

    private static NpgsqlCommand ToInsert(AuditEntry entry, AuditOutcome outcome, int? status) => new(InsertSql)
    {
        Parameters =
        {
            Text(entry.User), Text(entry.AuthenticatedBy), Text(entry.Address), Text(entry.Action), Text(entry.Target),
            Text(outcome.ToName()),
            new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = status ?? (object)DBNull.Value },
        },
    };

    private static NpgsqlParameter Text(string? text) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = text ?? (object)DBNull.Value };

    private static AuditRecord Read(NpgsqlDataReader row) => new(
        row.GetInt64(0), row.GetDateTime(1), Text(row, 2), Text(row, 3), Text(row, 4), row.GetString(5),
        row.GetString(6), row.GetString(7), row.IsDBNull(8) ? null : row.GetInt32(8));

    private static string? Text(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetString(column);
}
