using System.Globalization;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// The table of a cluster with <c>receipts: true</c> in which every batch leaves a row in its own transaction. One row
/// (attempt 0) tells when the table was made: by it a copy of the database is known, and another database is not taken
/// for one.
/// </summary>
internal sealed class ReceiptTable
{
    /// <summary>How long a receipt is there at the least.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    private const string Schema = "heimdall_receipts";
    private const string Name = $"{Schema}.receipt";

    // Old rows are looked for once in so many batches, and so many of them are deleted at most: more than come to be.
    private const int SweepInterval = 100;
    private const string SweepLimit = "1000";

    private const string CreateSchema = $"create schema if not exists {Schema}";

    private const string CreateTable =
        $"create table if not exists {Name} (job_id uuid, attempt int, "
        + "committed_at timestamptz not null default clock_timestamp(), primary key (job_id, attempt))";

    private const string Look =
        $"""
        select found.schema is not null, found.receipt is not null, coalesce(
            pg_catalog.has_schema_privilege(found.schema, 'usage')
            and pg_catalog.has_table_privilege(found.receipt, 'select')
            and pg_catalog.has_table_privilege(found.receipt, 'insert')
            and pg_catalog.has_table_privilege(found.receipt, 'delete'), false)
        from (
            select (select oid from pg_catalog.pg_namespace where nspname = '{Schema}') as schema,
                (select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where nspname = '{Schema}' and relname = 'receipt') as receipt) found
        """;

    private const string Identify =
        $"insert into {Name} (job_id, attempt) values ('00000000-0000-0000-0000-000000000000', 0) on conflict do "
        + "nothing";

    private const string Identity =
        $"select committed_at from {Name} where job_id = '00000000-0000-0000-0000-000000000000' and attempt = 0";

    private const string Write = $"insert into {Name} (job_id, attempt) values ($1, $2)";

    private const string FindReceipt =
        $"select exists (select from {Name} where job_id = $1 and attempt = $2), ({Identity}) = $3, "
        + "pg_catalog.clock_timestamp() - $4 < $5";

    // Ids of jobs bear the time: those of old jobs come first in the index.
    private const string Sweep =
        $"""
        delete from {Name} where ctid = any (array(
            select ctid from {Name}
            where attempt > 0 and job_id < $1 and committed_at < pg_catalog.clock_timestamp() - $2
            order by job_id limit {SweepLimit}))
        """;

    private static readonly JobFailure NoRights = new()
    {
        Kind = JobFailureKind.Refused,
        Message =
            $"The cluster has receipts: true, and its login may not make or use the table {Name}. "
            + $"Leave receipts out, or have an administrator of the database run, with the login's name: {CreateSchema}; {CreateTable}; "
            + $"grant usage on schema {Schema} to LOGIN; grant select, insert, delete on {Name} to LOGIN;",
    };

    private readonly Lock _lock = new();
    private DateTimeOffset? _identity;
    private int _batches;

    /// <summary>When the table was made, asked once for each batch.</summary>
    /// <returns>Null when the table must be prepared.</returns>
    public DateTimeOffset? Find()
    {
        lock (_lock)
        {
            return ++_batches % SweepInterval != 0 ? _identity : null;
        }
    }

    /// <summary>Makes the table if it is not there, and forgets old receipts.</summary>
    /// <returns>When it was made.</returns>
    /// <exception cref="JobFailedException">The login may not.</exception>
    public async Task<DateTimeOffset> PrepareAsync(NpgsqlConnection control, CancellationToken cancellationToken)
    {
        try
        {
            var identity = await MakeAsync(control, cancellationToken);
            await SweepAsync(control, cancellationToken);
            lock (_lock)
            {
                _identity = identity;
            }

            return identity;
        }
        catch (PostgresException e) when (PostgresErrors.IsForbidden(e))
        {
            throw new JobFailedException(NoRights, e);
        }
    }

    /// <summary>Looks anew the next time: the table may have been dropped.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _identity = null;
        }
    }

    public static Question WriteQuestion(Guid jobId, int attempt) =>
        new(Write, jobId.ToString(), attempt.ToString(CultureInfo.InvariantCulture));

    /// <summary>Whether an attempt has left its receipt.</summary>
    /// <param name="control">A connection to where it should be.</param>
    /// <param name="jobId">The attempt's job.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="table">When the table was made in which it should be.</param>
    /// <param name="since">When the attempt began.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when its absence tells nothing: the table is gone, or another one, or the receipt may have been
    /// swept.</returns>
    public static async Task<bool?> FindAsync(
        NpgsqlConnection control,
        Guid jobId,
        int attempt,
        DateTimeOffset table,
        DateTimeOffset since,
        CancellationToken cancellationToken)
    {
        if (!await IsUsableAsync(control, cancellationToken))
        {
            return null;
        }

        await using var command = new NpgsqlCommand(FindReceipt, control)
        {
            Parameters =
            {
                new() { Value = jobId },
                new() { Value = attempt },
                new() { Value = table },
                new() { Value = since },
                new() { Value = Kept / 2 },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (reader.GetBoolean(0))
        {
            return true;
        }

        return !reader.IsDBNull(1) && reader.GetBoolean(1) && reader.GetBoolean(2) ? false : null;
    }

    private static async Task<DateTimeOffset> MakeAsync(NpgsqlConnection control, CancellationToken cancellationToken)
    {
        if (!await IsUsableAsync(control, cancellationToken))
        {
            // One at a time: "if not exists" does not see what another transaction is making.
            await using var transaction = await control.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(
                control, $"select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('{Name}'))", cancellationToken);
            var (hasSchema, hasTable, _) = await LookAsync(control, cancellationToken);
            if (!hasSchema)
            {
                await ExecuteAsync(control, CreateSchema, cancellationToken);
            }

            if (!hasTable)
            {
                await ExecuteAsync(control, CreateTable, cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
            if (!await IsUsableAsync(control, cancellationToken))
            {
                throw new JobFailedException(NoRights);
            }
        }

        await ExecuteAsync(control, Identify, cancellationToken);
        await using var identity = new NpgsqlCommand(Identity, control);
        await using var reader = await identity.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return reader.GetFieldValue<DateTimeOffset>(0);
    }

    private static async Task<bool> IsUsableAsync(NpgsqlConnection control, CancellationToken cancellationToken) =>
        await LookAsync(control, cancellationToken) is (_, _, IsGranted: true);

    private static async Task<(bool HasSchema, bool HasTable, bool IsGranted)> LookAsync(
        NpgsqlConnection control, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Look, control);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetBoolean(0), reader.GetBoolean(1), reader.GetBoolean(2));
    }

    private static async Task SweepAsync(NpgsqlConnection control, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Sweep, control)
        {
            Parameters =
                { new() { Value = Guid.CreateVersion7(DateTimeOffset.UtcNow - Kept) }, new() { Value = Kept } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlConnection control, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, control);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
