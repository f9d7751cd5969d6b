using Heimdall.Plugins.Postgres.Protocol;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// The backend that a transaction pooler has lent to a transaction: how it is taken, and how it is left as it was
/// found.
/// </summary>
internal sealed class SharedBackend
{
    // pg_settings does not show these. To whom others have changed the backend may see less of it.
    private const string Remember =
        """
        select pg_catalog.set_config('heimdall.user', pg_catalog.current_setting('session_authorization'), true),
            pg_catalog.set_config('heimdall.role', pg_catalog.current_setting('role'), true)
        """;

    // They are this transaction's, which began just now. From PostgreSQL 16 on they cannot be reset.
    private const string OfTransaction =
        "'transaction_isolation', 'transaction_read_only', 'transaction_deferrable'";

    // What others have set in the backend does not hold in the transaction; the encoding is that of the connection.
    private const string TakeOver =
        $$"""
        select pg_catalog.pg_backend_pid(),
            (select (extract(epoch from backend_start) * 1000000)::pg_catalog.int8
                from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())),
            (extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::pg_catalog.int8,
            (extract(epoch from pg_catalog.transaction_timestamp()) * 1000000)::pg_catalog.int8,
            coalesce(
                (select pg_catalog.json_object_agg(name, setting) from pg_catalog.pg_settings
                    where source = 'session' and name not in ({{OfTransaction}})),
                '{}'),
            (select pg_catalog.count(pg_catalog.set_config(name, null, true)) from pg_catalog.pg_settings
                where source = 'session' and name not in ('client_encoding', {{OfTransaction}})),
            (select pg_catalog.count(*) from pg_catalog.pg_class where relnamespace = pg_catalog.pg_my_temp_schema()),
            pg_catalog.current_setting('heimdall.user'),
            pg_catalog.current_setting('heimdall.role'),
            pg_catalog.pg_is_in_recovery()
        """;

    private const string Restore =
        """
        select pg_catalog.count(pg_catalog.set_config(key, value, false))
        from pg_catalog.json_each_text($1::pg_catalog.text::pg_catalog.json)
        """;

    // Last, because the other settings may not be theirs to make.
    private const string ChangeBack =
        """
        select (select pg_catalog.count(*) from pg_catalog.pg_class where relnamespace = pg_catalog.pg_my_temp_schema())
                > $1::pg_catalog.text::pg_catalog.int8,
            case when pg_catalog.current_setting('session_authorization') <> $2::pg_catalog.text
                then pg_catalog.set_config('session_authorization', $2, false) end,
            case when pg_catalog.current_setting('role') <> $3::pg_catalog.text
                then pg_catalog.set_config('role', $3, false) end
        """;

    private readonly string? _settings;
    private readonly string? _temporary;
    private readonly string? _user;
    private readonly string? _role;

    private SharedBackend(string?[] row)
    {
        Backend = new Backend(
            TextValues.Int32(row[0]),
            TextValues.Int64(row[1]),
            TextValues.Int64(row[2]),
            TextValues.Int64(row[3]),
            TextValues.Boolean(row[9]));
        (_settings, _temporary, _user, _role) = (row[4], row[6], row[7], row[8]);
    }

    /// <summary>Who it is, as long as the transaction lasts.</summary>
    public Backend Backend { get; }

    /// <summary>Begins a transaction as if its backend had served nobody before.</summary>
    public static async Task<SharedBackend> TakeAsync(
        ClusterSession session, bool isReadOnly, CancellationToken cancellationToken)
    {
        var rows = await session.AskAsync(
            cancellationToken,
            isReadOnly ? "begin read only" : "begin",
            Remember,
            "set local session authorization default",
            "set local role to default",
            TakeOver);
        return new SharedBackend(rows[0]);
    }

    /// <summary>
    /// Takes back what the job has set, so that COMMIT leaves nothing of it to the backend's next client.
    /// </summary>
    /// <param name="session">In the transaction, before its COMMIT.</param>
    /// <param name="onNotice">Hears what triggers say that were put off to the COMMIT.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task LeaveAsync(
        ClusterSession session, Action<Npgsql.PostgresNotice> onNotice, CancellationToken cancellationToken)
    {
        // What was put off runs with the settings of the job.
        var rows = await session.AskAsync(
            onNotice,
            cancellationToken,
            "set constraints all immediate",
            "reset session authorization",
            "reset role",
            "reset all",
            new Question(Restore, _settings),
            new Question(ChangeBack, _temporary, _user, _role));
        if (TextValues.Boolean(rows[0][0]))
        {
            await session.AskAsync(cancellationToken, "discard temp");
        }
    }
}
