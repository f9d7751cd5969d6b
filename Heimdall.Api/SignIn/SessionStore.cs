using Heimdall.Core.Audit;
using Heimdall.Core.Database;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Api.SignIn;

/// <summary>The <c>browser_session</c> table. Times are the store's: all processes see the same end.</summary>
internal sealed class SessionStore(StoreDatabase database, AuditLog audit)
{
    /// <summary>One more ends the oldest.</summary>
    public const int MostOfUser = 50;

    private const string InsertSql = """
        with surplus as (
            delete from browser_session where id in (
                select id from browser_session where "user" = $3 order by signed_in_at desc offset $7))
        insert into browser_session (id, key_hash, "user", ticket, address, ends_at)
        values ($1, $2, $3, $4, $5, now() + $6)
        """;

    private const string ReadSql = """
        select ticket, last_used_at < now() - $3 from browser_session
        where key_hash = $1 and ends_at > now() and last_used_at > now() - $2
        """;

    private const string UseSql = "update browser_session set last_used_at = now() where key_hash = $1";

    private const string IsOpenSql = """
        select exists (
            select from browser_session where key_hash = $1 and ends_at > now() and last_used_at > now() - $2)
        """;

    private const string FindSql = "select id from browser_session where key_hash = $1";

    private const string EndByKeySql = "delete from browser_session where key_hash = $1";

    private const string EndSql =
        """delete from browser_session where id = $1 and ($2::text is null or "user" = $2)""";

    private const string ListSql = """
        select id, "user", address, signed_in_at, last_used_at, least(ends_at, last_used_at + $1) from browser_session
        where ends_at > now() and last_used_at > now() - $1 and ($2::text is null or "user" = $2)
            and ($3::text is null or "user" = $3)
            and ($4::timestamptz is null or (signed_in_at, id) < ($4, $5))
        order by signed_in_at desc, id desc limit $6
        """;

    /// <summary>Writes a session and that somebody has signed in, in one transaction.</summary>
    public async Task AddAsync(NewSession session, AuditEntry entry, CancellationToken cancellationToken)
    {
        audit.Current = entry; // until this method returns
        await audit.InTransactionAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(InsertSql, connection)
                {
                    Parameters =
                    {
                        new() { Value = session.Id },
                        new() { Value = session.KeyHash },
                        new() { Value = session.User },
                        new() { Value = session.Ticket },
                        Text(session.Address),
                        new() { Value = session.Lifetime },
                        new() { Value = MostOfUser - 1 },
                    },
                };
                return await command.ExecuteNonQueryAsync(cancellationToken);
            },
            _ => true,
            cancellationToken);
    }

    /// <summary>What is kept of a session that is open, which is used thereby.</summary>
    /// <param name="keyHash">Whose.</param>
    /// <param name="idleTimeout">How long it may be left unused.</param>
    /// <param name="useInterval">How often a use is written.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<byte[]?> UseAsync(
        byte[] keyHash, TimeSpan idleTimeout, TimeSpan useInterval, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ReadSql);
        command.Parameters.Add(new() { Value = keyHash });
        command.Parameters.Add(new() { Value = idleTimeout });
        command.Parameters.Add(new() { Value = useInterval });
        byte[] ticket;
        await using (var row = await command.ExecuteReaderAsync(cancellationToken))
        {
            if (!await row.ReadAsync(cancellationToken))
            {
                return null;
            }
            ticket = row.GetFieldValue<byte[]>(0);
            if (!row.GetBoolean(1))
            {
                return ticket;
            }
        }
        await using var use = database.DataSource.CreateCommand(UseSql);
        use.Parameters.Add(new() { Value = keyHash });
        await use.ExecuteNonQueryAsync(cancellationToken);
        return ticket;
    }

    /// <summary>Whether nobody has ended a session, nor its time. It is not used thereby.</summary>
    /// <param name="keyHash">Whose.</param>
    /// <param name="idleTimeout">How long it may be left unused.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async Task<bool> IsOpenAsync(byte[] keyHash, TimeSpan idleTimeout, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(IsOpenSql);
        command.Parameters.Add(new() { Value = keyHash });
        command.Parameters.Add(new() { Value = idleTimeout });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <returns>Null where there is none any more.</returns>
    public async Task<Guid?> FindAsync(byte[] keyHash, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = keyHash });
        return await command.ExecuteScalarAsync(cancellationToken) as Guid?;
    }

    /// <summary>Ends a session and records that, in one transaction.</summary>
    /// <param name="keyHash">Whose.</param>
    /// <param name="entry">What is recorded; null where nothing is.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    public async Task EndAsync(byte[] keyHash, AuditEntry? entry, CancellationToken cancellationToken)
    {
        audit.Current = entry; // until this method returns
        await EndAsync(EndByKeySql, cancellationToken, new NpgsqlParameter { Value = keyHash });
    }

    /// <summary>Ends a session that is named, which the request is recorded for.</summary>
    /// <param name="id">Which.</param>
    /// <param name="user">Whose it must be; null: anybody's.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>Whether there was one.</returns>
    public Task<bool> EndAsync(Guid id, string? user, CancellationToken cancellationToken) =>
        EndAsync(EndSql, cancellationToken, new NpgsqlParameter { Value = id }, Text(user));

    /// <summary>A page of the sessions that are open, the newest first.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="idleTimeout">How long they may be left unused.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<SessionPage> ListAsync(
        SessionFilter filter, TimeSpan idleTimeout, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ListSql);
        command.Parameters.Add(new() { Value = idleTimeout });
        command.Parameters.Add(Text(filter.Owner));
        command.Parameters.Add(Text(filter.User));
        command.Parameters.Add(new()
        {
            NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = filter.Cursor?.SignedInAt ?? (object)DBNull.Value,
        });
        command.Parameters.Add(new() { Value = filter.Cursor?.Id ?? Guid.Empty });
        command.Parameters.Add(new() { Value = filter.Limit + 1 });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var sessions = new List<OpenSession>();
        while (await row.ReadAsync(cancellationToken))
        {
            sessions.Add(new OpenSession(
                row.GetGuid(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetDateTime(3),
                row.GetDateTime(4), row.GetDateTime(5)));
        }
        if (sessions.Count <= filter.Limit)
        {
            return new SessionPage(sessions, Next: null);
        }
        sessions.RemoveAt(filter.Limit);
        return new SessionPage(sessions, new SessionCursor(sessions[^1].SignedInAt, sessions[^1].Id));
    }

    private Task<bool> EndAsync(string sql, CancellationToken cancellationToken, params NpgsqlParameter[] parameters) =>
        audit.InTransactionAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(sql, connection);
                command.Parameters.AddRange(parameters);
                return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
            },
            isEnded => isEnded,
            cancellationToken);

    private static NpgsqlParameter Text(string? text) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = text ?? (object)DBNull.Value };
}

/// <summary>A browser that has just signed in.</summary>
/// <param name="Id">Tells it from others.</param>
/// <param name="KeyHash">What the key in its cookie is known by.</param>
/// <param name="User">Who.</param>
/// <param name="Ticket">What the framework keeps of it, encrypted.</param>
/// <param name="Address">From where.</param>
/// <param name="Lifetime">How long it lasts at most.</param>
internal sealed record NewSession(
    Guid Id, byte[] KeyHash, string User, byte[] Ticket, string? Address, TimeSpan Lifetime);

/// <summary>A browser that is signed in.</summary>
/// <param name="Id">Tells it from others; nobody is known by it.</param>
/// <param name="User">Who.</param>
/// <param name="Address">From where they signed in.</param>
/// <param name="SignedInAt">When.</param>
/// <param name="LastUsedAt">Within the last minute, at most.</param>
/// <param name="EndsAt">Unless it is used until then; at its longest time whatever is done.</param>
internal sealed record OpenSession(
    Guid Id, string User, string? Address, DateTime SignedInAt, DateTime LastUsedAt, DateTime EndsAt);

/// <summary>Which sessions a list holds.</summary>
internal sealed record SessionFilter
{
    /// <summary>Whose a caller may see; null: everybody's.</summary>
    public string? Owner { get; init; }

    /// <summary>Whose are asked for; null: all.</summary>
    public string? User { get; init; }

    public int Limit { get; init; } = 50;

    /// <summary>Where the last page ended; null for the first.</summary>
    public SessionCursor? Cursor { get; init; }
}

/// <summary>The last session of a page.</summary>
internal sealed record SessionCursor(DateTime SignedInAt, Guid Id);

/// <summary>A page of sessions.</summary>
internal sealed record SessionPage(IReadOnlyList<OpenSession> Sessions, SessionCursor? Next);
