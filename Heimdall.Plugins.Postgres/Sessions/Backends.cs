using System.Data;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>Stops backends from a second connection.</summary>
internal static class Backends
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    // By name and by process: a script can rename its session, to another attempt's name too, and a session of a dead
    // worker may be known by name only. A session of the pool may serve another attempt by now: of what ran there, the
    // transaction is known.
    private const string Terminate =
        """
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where pid <> pg_backend_pid()
          and (application_name = $1
            or pid = $2 and (extract(epoch from backend_start) * 1000000)::bigint = $3
                and ($4 is null or (extract(epoch from xact_start) * 1000000)::bigint = $4))
        """;

    private const string Server =
        "select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery()";

    private const string Cancel =
        """
        select pg_cancel_backend(pid)
        from pg_stat_get_activity($1)
        where (extract(epoch from backend_start) * 1000000)::bigint = $2
          and ($3 is null or (extract(epoch from xact_start) * 1000000)::bigint = $3)
        """;

    // A transaction has a number once it has written in its own database. A notification gives it none, nor does what a
    // function writes elsewhere, by dblink or to a foreign table. Only a volatile function can do so:
    // - one that the statement calls, or as t.f for f(t); or one of a view, a rule or a policy of what it reads, which
    //   it has locked;
    // - one that is an operator, or a part of an aggregate; what compares values is used without being named;
    // - one that makes a cast, which is not named either where it is implicit, or where its type has several names;
    // - one in the check of a domain.
    private const string CancelUnlessWritten =
        """
        with locked (nodes) as (
            select tree.nodes
            from pg_locks
            cross join lateral (
                select ev_action::text from pg_rewrite where ev_class = relation
                union all
                select concat(polqual, polwithcheck) from pg_policy where polrelid = relation) as tree (nodes)
            where pid = $1 and locktype = 'relation'
              and pg_locks.database = (select oid from pg_database where datname = current_database())),
        checked (nodes) as (
            select conbin::text
            from pg_constraint join pg_type on pg_type.oid = contypid
            where typname = any($6)
               or exists (select from pg_proc where proname = any($4) and contypid = any(proargtypes))
               or exists (select from locked where strpos(nodes, concat(':resulttype ', contypid, ' ')) > 0)),
        called (oid) as (
            select found[1]::oid
            from (select nodes from locked union all select nodes from checked) as tree
            cross join regexp_matches(nodes, ':(?:(?:op)?funcid|(?:agg|win)fnoid) ([0-9]+)', 'g') as found
            union all
            select oid from pg_proc where proname = any($4)
            union all
            select pg_proc.oid
            from pg_proc join pg_type on pg_type.oid = proargtypes[0]
            where pronargs = 1 and typtype = 'c' and proname = any($6)
            union all
            select oprcode
            from pg_operator
            where oid >= $8
              and (oprname = any($9) or exists (select from unnest($7) as row (signs) where strpos(signs, oprname) > 0))
            union all
            select amproc from pg_amproc where oid >= $8
            union all
            select castfunc
            from pg_cast join pg_type on pg_type.oid = casttarget
            where pg_cast.oid >= $8 and (castcontext = 'i' or typname = any($6) or typname = any($10))),
        used (oid) as (
            select oid from called
            union all
            select part
            from pg_aggregate
            cross join unnest(array[
                aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn,
                aggmfinalfn]::oid[]) as part
            where aggfnoid in (select oid from called))
        select case
            when backend_xid is null and not exists (
                select from pg_proc
                where provolatile = 'v' and oid in (select oid from used)
                  and not (pronamespace = 'pg_catalog'::regnamespace and proname = any($5)))
            then pg_cancel_backend(pid) end
        from pg_stat_get_activity($1)
        where (extract(epoch from backend_start) * 1000000)::bigint = $2
          and ($3 is null or (extract(epoch from xact_start) * 1000000)::bigint = $3)
        """;

    // Those below are the server's own.
    private const uint FirstOfUsers = 16384;

    /// <summary>Types that have other names in SQL, such as integer, than in the catalog.</summary>
    private static readonly string[] Renamed =
    [
        "int2", "int4", "int8", "bool", "bpchar", "varchar", "float4", "float8", "numeric", "time", "timetz",
        "timestamp", "timestamptz", "bit", "varbit", "interval",
    ];

    /// <summary>
    /// Operators that are used without being written: by IN, BETWEEN, LIKE, ORDER BY, DISTINCT, USING and so on.
    /// </summary>
    private static readonly string[] Silent =
        ["=", "<>", "<", ">", "<=", ">=", "~", "!~", "~~", "!~~", "~~*", "!~~*", "~>=~", "~<=~"];

    /// <summary>Volatile functions of the server that leave nothing behind, for all that they return.</summary>
    private static readonly string[] Harmless =
    [
        "random", "random_normal", "setseed", "clock_timestamp", "timeofday", "pg_sleep", "pg_sleep_for",
        "pg_sleep_until", "gen_random_uuid", "uuidv4", "uuidv7", "currval", "lastval", "set_config",
        "pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_total_relation_size", "pg_database_size",
        "pg_tablespace_size", "pg_lock_status", "pg_stat_get_activity", "pg_show_all_settings",
    ];

    /// <summary>
    /// Asks what a backend runs to stop, if it is still the backend it was and nothing of it can have taken effect.
    /// </summary>
    /// <param name="control">Another session, in the same database.</param>
    /// <param name="backend">What runs it.</param>
    /// <param name="names">What the statement may use.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Unknown where it is not there any more.</returns>
    public static async Task<CutAnswer> CancelUnlessWrittenAsync(
        NpgsqlConnection control,
        Backend backend,
        UsedNames names,
        CancellationToken cancellationToken)
    {
        await using var command = Of(backend, CancelUnlessWritten, control);
        command.Parameters.Add(new() { Value = names.Calls.ToArray() });
        command.Parameters.Add(new() { Value = Harmless });
        command.Parameters.Add(new() { Value = names.Names.ToArray() });
        command.Parameters.Add(new() { Value = names.Operators.ToArray() });
        command.Parameters.Add(new() { Value = FirstOfUsers, NpgsqlDbType = NpgsqlDbType.Oid });
        command.Parameters.Add(new() { Value = Silent });
        command.Parameters.Add(new() { Value = Renamed });
        return await command.ExecuteScalarAsync(cancellationToken) switch
        {
            true => CutAnswer.Stopped,
            DBNull => CutAnswer.HasWritten,
            _ => CutAnswer.Unknown,
        };
    }

    /// <summary>Asks what a backend runs to stop, if it is still the backend it was.</summary>
    public static async Task CancelAsync(NpgsqlConnection control, Backend backend, CancellationToken cancellationToken)
    {
        await using var command = Of(backend, Cancel, control);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlCommand Of(Backend backend, string sql, NpgsqlConnection control) => new(sql, control)
    {
        Parameters =
        {
            new() { Value = backend.Pid },
            new() { Value = backend.Started },
            new() { Value = backend.TransactionStarted ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
        },
    };

    /// <summary>Terminates backends, and does not return before they are gone.</summary>
    /// <param name="control">Another session.</param>
    /// <param name="applicationName">Ends all of that name; null for none.</param>
    /// <param name="backend">Ends this one, if it is still the one it was.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False when one was still there after a patient wait.</returns>
    public static async Task<bool> EndAsync(
        NpgsqlConnection control, string? applicationName, Backend? backend, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            while (await TerminateAsync(control, applicationName, backend, patience.Token))
            {
                await Task.Delay(Pause, patience.Token);
            }

            return true;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            return control.State == ConnectionState.Open
                ? false
                : throw new NpgsqlException("The connection gives no answer.", e);
        }
    }

    /// <summary>
    /// Whether a server that does not show a backend would show it if it were there: it is the backend's server, as it
    /// was or restarted. Behind a load balancer, or after a fail-over, another one may answer. A server that was
    /// restarted is still a primary or a standby, as it was.
    /// </summary>
    public static async Task<bool> IsServerOfAsync(
        NpgsqlConnection control, Backend backend, CancellationToken cancellationToken)
    {
        if (backend.ServerStarted is not { } expected)
        {
            return true;
        }

        await using var command = new NpgsqlCommand(Server, control);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        var (started, isStandby) = (row.GetInt64(0), row.GetBoolean(1));
        return started == expected || (started > backend.Started && isStandby == backend.IsOnStandby);
    }

    private static async Task<bool> TerminateAsync(
        NpgsqlConnection control, string? applicationName, Backend? backend, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Terminate, control)
        {
            Parameters =
            {
                new() { Value = applicationName ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = backend?.Pid ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                new() { Value = backend?.Started ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
                new()
                {
                    Value = backend?.TransactionStarted ?? (object)DBNull.Value,
                    NpgsqlDbType = NpgsqlDbType.Bigint,
                },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken);
    }
}
