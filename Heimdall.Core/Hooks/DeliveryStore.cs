using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Audit;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Hooks;

/// <summary>The <c>hook_delivery</c> table, as people see it who ask what was delivered.</summary>
public sealed class DeliveryStore(StoreDatabase database, AuditLog audit, HeimdallConfig config)
{
    private const string FindSql = $"select {DeliveryRow.Columns} from hook_delivery where id = $1";

    private const string OfJobSql =
        $"select {DeliveryRow.BriefColumns} from hook_delivery where job_id = $1 order by hook, id limit 100";

    internal const string CountSql = """
        select hook, count(*) filter (where status = 'PENDING'), count(*) filter (where status = 'DEAD'),
            max(gone_since)
        from (
            select hook, status, null::timestamptz as gone_since from hook_delivery where status = 'PENDING'
            union all
            select hook, status, null from hook_delivery
            where status = 'DEAD' and finished_at > now() - interval '1 day'
            union all
            select substr(subject, length('hook/') + 1), 'GONE', since from hook_state where event = 'hook.gone') lately
        group by hook
        """;

    // Its attempts are counted on: the end of one that is still under way must not be taken for that of the next.
    private const string RedeliverSql = $"""
        with again as (
            update hook_delivery set status = 'PENDING', finished_at = null, next_at = now(), give_up_at = now() + $2,
                attempts_before = case attempts when 0 then -1 else attempts end -- 0: nobody has asked for it
            where id = $1 returning *),
        announced as (select pg_notify('{HookOutbox.Channel}', '') from again)
        select {DeliveryRow.Columns} from again, announced
        """;

    private const string InsertSql = $"""
        with told as (
            insert into hook_delivery (id, hook, event, subject, data) values ($1, $2, $3, $4, $5::jsonb) returning *),
        announced as (select pg_notify('{HookOutbox.Channel}', '') from told)
        select {DeliveryRow.Columns} from told, announced
        """;

    public Task<StoredDelivery?> FindAsync(Guid id, CancellationToken cancellationToken) =>
        FirstAsync(FindSql, cancellationToken, id);

    /// <summary>The messages of a job's end, without what they say and what was answered.</summary>
    public async Task<IReadOnlyList<StoredDelivery>> OfJobAsync(Guid jobId, CancellationToken cancellationToken)
    {
        await using var command = ToCommand(OfJobSql, jobId);
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>How the hooks stand of which there is something to say.</summary>
    public async Task<IReadOnlyDictionary<string, HookFigures>> CountAsync(CancellationToken cancellationToken)
    {
        await using var command = ToCommand(CountSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var counts = new Dictionary<string, HookFigures>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            counts[row.GetString(0)] = new HookFigures(
                row.GetInt64(1), row.GetInt64(2), row.IsDBNull(3) ? null : row.GetDateTime(3));
        }
        return counts;
    }

    /// <summary>
    /// A page of messages, the newest first. Without <see cref="DeliveryFilter.HasReplies"/> they lack what they say,
    /// and of their attempts all but the last without its answer.
    /// </summary>
    public async Task<DeliveryPage> ListAsync(DeliveryFilter filter, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand();
        var conditions = new StringBuilder();
        Add(filter.Hook, "hook = ");
        Add(filter.JobId, "job_id = ");
        if (filter.Status is { } status)
        {
            conditions.Append(null, $" and status = '{status.ToName()}'"); // as an index has it: a parameter may be any
        }
        if (filter.Cursor is { } cursor)
        {
            Add(cursor.At, "(created_at, id) < (");
            command.Parameters.Add(new() { Value = cursor.Id });
            conditions.Append(null, $", ${command.Parameters.Count})");
        }
        command.Parameters.Add(new() { Value = filter.Limit + 1 });
        command.CommandText = $"""
            select {(filter.HasReplies ? DeliveryRow.Columns : DeliveryRow.BriefColumns)}
            from hook_delivery where true{conditions}
            order by created_at desc, id desc limit ${command.Parameters.Count}
            """;
        var found = await ReadAsync(command, cancellationToken);
        if (found.Count <= filter.Limit)
        {
            return new DeliveryPage(found, null);
        }
        var last = found[filter.Limit - 1];
        return new DeliveryPage([.. found.Take(filter.Limit)], new DeliveryCursor(last.CreatedAt, last.Id));

        void Add(object? value, string condition)
        {
            if (value is not null)
            {
                command.Parameters.Add(new() { Value = value });
                conditions.Append(null, $" and {condition}${command.Parameters.Count}");
            }
        }
    }

    /// <summary>Has a message sent again, with the same id, for as long as a new one.</summary>
    /// <returns>Null when there is none.</returns>
    public Task<StoredDelivery?> RedeliverAsync(Guid id, CancellationToken cancellationToken) =>
        ChangeAsync(RedeliverSql, cancellationToken, id, config.Hooks.RetryFor);

    /// <summary>Has a message sent that says who tries the hook.</summary>
    public async Task<StoredDelivery> TestAsync(string hook, string user, CancellationToken cancellationToken) =>
        (await ChangeAsync(
            InsertSql, cancellationToken, Guid.CreateVersion7(), hook, HookEvents.Test, $"hook/{hook}",
            new JobParameters.OrNull<string>(
                new JsonObject { ["hook"] = hook, ["asked_by"] = user }.ToJsonString())))!;

    private Task<StoredDelivery?> ChangeAsync(
        string sql, CancellationToken cancellationToken, params object[] values) =>
        audit.InTransactionAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(sql, connection);
                AddTo(command, values);
                return await ReadFirstAsync(command, cancellationToken);
            },
            changed => changed is not null,
            cancellationToken);

    private async Task<StoredDelivery?> FirstAsync(
        string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = ToCommand(sql, values);
        return await ReadFirstAsync(command, cancellationToken);
    }

    private static async Task<StoredDelivery?> ReadFirstAsync(
        NpgsqlCommand command, CancellationToken cancellationToken) =>
        await ReadAsync(command, cancellationToken) is [var first, ..] ? first : null;

    private NpgsqlCommand ToCommand(string sql, params object[] values)
    {
        var command = database.DataSource.CreateCommand(sql);
        AddTo(command, values);
        return command;
    }

    private static void AddTo(NpgsqlCommand command, object[] values)
    {
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
    }

    private static async Task<IReadOnlyList<StoredDelivery>> ReadAsync(
        NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var found = new List<StoredDelivery>();
        while (await row.ReadAsync(cancellationToken))
        {
            found.Add(DeliveryRow.Read(row));
        }
        return found;
    }
}

/// <summary>How a hook stands.</summary>
/// <param name="Pending">Messages that wait.</param>
/// <param name="Dead">Messages that were given up within the last day.</param>
/// <param name="GoneSince">When the receiver has said that it wants no more; null: it has not.</param>
public sealed record HookFigures(long Pending, long Dead, DateTime? GoneSince)
{
    public static HookFigures None { get; } = new(0, 0, null);
}

/// <summary>Which messages are asked for.</summary>
public sealed record DeliveryFilter
{
    public string? Hook { get; init; }

    public Guid? JobId { get; init; }

    public DeliveryStatus? Status { get; init; }

    /// <summary>Whether the messages come with all that is known of them.</summary>
    public bool HasReplies { get; init; }

    public int Limit { get; init; } = 50;

    public DeliveryCursor? Cursor { get; init; }
}

/// <summary>The last message of a page.</summary>
public sealed record DeliveryCursor(DateTime At, Guid Id);

/// <param name="Deliveries">The messages.</param>
/// <param name="Next">Where the next page begins; null: there is none.</param>
public sealed record DeliveryPage(IReadOnlyList<StoredDelivery> Deliveries, DeliveryCursor? Next);
