using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Hooks;

/// <summary>
/// The <c>hook_delivery</c> table, as those see it who deliver. A message of a job's end is written by a trigger of the
/// <c>job</c> table, in the transaction of that end.
/// </summary>
internal sealed class HookOutbox(StoreDatabase database, HeimdallConfig config) : IDisposable
{
    /// <summary>Channel on which it is announced that there is something to deliver.</summary>
    public const string Channel = "heimdall_hook";

    /// <summary>So many attempts of one message are kept, the last ones.</summary>
    private const int TriesKept = 30;

    /// <summary>
    /// How much longer than an attempt may take it is taken to be under way: then its process has died.
    /// </summary>
    private static readonly TimeSpan LeaseBeyondTimeout = TimeSpan.FromSeconds(10);

    /// <summary>So long a message waits for a process that has its hook.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(7);

    private const string FindDueSql = """
        select hook from unnest($1) hook
        where exists (
            select from hook_delivery due
            where due.hook = hook.hook and due.status = 'PENDING' and due.next_at <= now())
        """;

    // What another process delivers is passed over. Until it has recorded the end, next_at is when it is taken to be
    // dead.
    private const string ClaimSql = """
        with due as materialized (
            select id from hook_delivery where hook = $1 and status = 'PENDING' and next_at <= now()
            order by next_at limit $2 for update skip locked)
        update hook_delivery set attempts = attempts + 1, next_at = now() + $3,
            give_up_at = coalesce(give_up_at, now() + $4)
        where id in (select id from due)
        returning id, event, data::text, created_at, attempts, give_up_at,
            attempts - greatest(attempts_before, 0),
            attempts_before = 0 and event <> 'hook.test' and exists (
                select from hook_state gone where gone.event = 'hook.gone' and gone.subject = 'hook/' || $1)
        """;

    // A receiver that is gone is left alone until it has taken a message that somebody had sent. One that was not sent
    // says nothing of the receiver, which may have taken another since.
    private const string EndSql = """
        with ended as (
            update hook_delivery set status = $3, next_at = now() + $4,
                finished_at = case when $3 <> 'PENDING' then now() end,
                tries = case when jsonb_array_length(tries) < $6 then tries else tries - 0 end || $5::jsonb
            where id = $1 and attempts = $2 and status = 'PENDING'
            returning 'hook/' || hook as hook),
        gone as (
            insert into hook_state (event, subject) select 'hook.gone', hook from ended where $7
            on conflict do nothing)
        delete from hook_state using ended where event = 'hook.gone' and subject = ended.hook and $3 = 'DELIVERED'
        """;

    private const string ReleaseSql =
        "update hook_delivery set next_at = now() where id = $1 and attempts = $2 and status = 'PENDING'";

    // Of a hook that a living process has, that process decides: it tries a message first, however late.
    internal const string GiveUpSql = $"""
        update hook_delivery set status = 'DEAD', finished_at = now()
        where id in (
            select id from hook_delivery due
            where status = 'PENDING' and next_at <= now() - $1 and {LivingProcesses.AllHaveStarted}
                and not exists (
                    select from worker where {LivingProcesses.MayLive} and due.hook = any (file_hooks))
            order by next_at limit 1000 for update skip locked)
        returning id, hook
        """;

    internal const string ForgetSql = """
        delete from hook_delivery where id in (
            select id from hook_delivery where finished_at < now() - $1
            order by finished_at limit $2 for update skip locked)
        """;

    private const int ForgottenAtOnce = 1000;

    // A process has few connections for all that it does.
    private readonly SemaphoreSlim _connections = new(2);

    public void Dispose() => _connections.Dispose();

    /// <summary>Which of these hooks have something to deliver now.</summary>
    public Task<IReadOnlyList<string>> FindDueAsync(string[] hooks, CancellationToken cancellationToken) =>
        AskAsync(FindDueSql, row => row.GetString(0), cancellationToken, (object)hooks); // one value, not many

    /// <summary>Takes on to deliver what is due, the oldest first.</summary>
    public Task<IReadOnlyList<HookMessage>> ClaimAsync(string hook, int most, CancellationToken cancellationToken) =>
        AskAsync(
            ClaimSql,
            row => new HookMessage(
                row.GetGuid(0), row.GetString(1), JsonNode.Parse(row.GetString(2))!.AsObject(), row.GetDateTime(3),
                row.GetInt32(4), row.GetDateTime(5), row.GetInt32(6), row.GetBoolean(7)),
            cancellationToken, hook, most, config.Hooks.Timeout + LeaseBeyondTimeout, config.Hooks.RetryFor);

    /// <summary>Records how an attempt ended, unless another one has begun since.</summary>
    /// <param name="message">The message.</param>
    /// <param name="attempt">How it ended.</param>
    /// <param name="status">What becomes of the message.</param>
    /// <param name="pause">When it is tried again, if it is.</param>
    public async Task EndAsync(
        HookMessage message, DeliveryAttempt attempt, DeliveryStatus status, TimeSpan pause)
    {
        try
        {
            await WriteEndAsync(message, attempt, status, pause);
        }
        catch (PostgresException) when (attempt.Reply is not null)
        {
            // The store's encoding may lack what the receiver has answered. The message is not sent again for that.
            await WriteEndAsync(message, attempt with { Reply = null }, status, pause);
        }
    }

    /// <summary>Gives a message back that was not tried to its end.</summary>
    public Task ReleaseAsync(HookMessage message) =>
        WriteAsync(ReleaseSql, CancellationToken.None, message.Id, message.Attempt);

    /// <summary>Ends messages whose hook no living process has had for long.</summary>
    /// <returns>The messages, with their hooks.</returns>
    public Task<IReadOnlyList<(Guid Id, string Hook)>> GiveUpAsync(CancellationToken cancellationToken) =>
        AskAsync(GiveUpSql, row => (row.GetGuid(0), row.GetString(1)), cancellationToken, LongestWait);

    /// <summary>Deletes messages that ended longer ago.</summary>
    public async Task<long> ForgetAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        var forgotten = 0L;
        while (true)
        {
            var some = await WriteAsync(ForgetSql, cancellationToken, age, ForgottenAtOnce);
            forgotten += some;
            if (some < ForgottenAtOnce)
            {
                return forgotten;
            }
        }
    }

    private Task<int> WriteEndAsync(
        HookMessage message, DeliveryAttempt attempt, DeliveryStatus status, TimeSpan pause) =>
        database.Retry.RunAsync(
            async token => await WriteAsync(
                EndSql, token, message.Id, message.Attempt, status.ToName(), pause,
                JsonSerializer.Serialize(attempt, DeliveryRow.Json), TriesKept,
                attempt.IsFinal && !message.IsUnwanted),
            CancellationToken.None); // what was sent was sent: its end is not lost with the process's stop

    private async Task<int> WriteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await _connections.WaitAsync(cancellationToken);
        try
        {
            await using var command = ToCommand(sql, values);
            return await command.ExecuteNonQueryAsync(cancellationToken);
        }
        finally
        {
            _connections.Release();
        }
    }

    private async Task<IReadOnlyList<T>> AskAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values)
    {
        await _connections.WaitAsync(cancellationToken);
        try
        {
            await using var command = ToCommand(sql, values);
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            var found = new List<T>();
            while (await row.ReadAsync(cancellationToken))
            {
                found.Add(read(row));
            }
            return found;
        }
        finally
        {
            _connections.Release();
        }
    }

    private NpgsqlCommand ToCommand(string sql, object[] values)
    {
        var command = database.DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
        return command;
    }
}
