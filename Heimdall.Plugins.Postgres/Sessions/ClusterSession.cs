using System.Diagnostics;
using System.Runtime.CompilerServices;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// One job's session with a cluster. Npgsql has opened the connection and keeps it in its pool; everything that is said
/// on it is said by
/// <see cref="Protocol"/>. However the job ends, nothing of it is left: a transaction that is open is rolled back, a
/// backend that no longer answers is terminated, and what is used again is reset.
/// </summary>
internal sealed class ClusterSession : IAsyncDisposable
{
    // A connection is taken from Npgsql once, and asked once who it is.
    private static readonly ConditionalWeakTable<object, TakenConnection> _opened = [];

    private const int MostTries = 3;

    private static string SettingsAtStart =>
        string.Join(", ", SessionSettings.AtStartOfQueries.Select(setting => $"('{setting.Key}', '{setting.Value}')"));

    // What the login and the database have been given for new sessions: the versions of its rows.
    private const string SettingsOfLogin =
        """
        select pg_catalog.string_agg(xmin::pg_catalog.text, ',' order by setdatabase, setrole)
        from pg_catalog.pg_db_role_setting
        where setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
            and setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user))
        """;

    private static readonly string _whoAreYou =
        $"""
        select pg_catalog.pg_backend_pid(),
            (select (extract(epoch from backend_start) * 1000000)::pg_catalog.int8
                from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())),
            pg_catalog.current_setting('client_connection_check_interval', true) is not null
                and pg_catalog.version() ~ 'linux|apple|darwin|bsd',
            (select pg_catalog.bool_and(coalesce(pg_catalog.current_setting(name, true) = value, false))
                from (values {SettingsAtStart}) as wanted (name, value)),
            pg_catalog.strpos(pg_catalog.current_setting('search_path'), 'pg_catalog') > 0,
            pg_catalog.pg_is_in_recovery(),
            (extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::pg_catalog.int8,
            coalesce(pg_catalog.current_setting('idle_session_timeout', true), '0') <> '0',
            ({SettingsOfLogin}),
            pg_catalog.current_setting('DateStyle') like 'ISO%',
            pg_catalog.current_setting('track_activities') <> 'on'
        """;

    private readonly NpgsqlConnection _connection;
    private readonly SessionUse _use;
    private readonly AcknowledgementWatch? _watch;
    private readonly string? _settingsOfLogin;
    private readonly long _start = Stopwatch.GetTimestamp();
    private SharedBackend? _shared;
    private bool _hasTriedToTerminate;
    private bool _hasEnded;

    private ClusterSession(ClusterPool pool, NpgsqlConnection connection, SessionUse use, TakenConnection opened)
    {
        (Pool, _connection, _use, Protocol, Traits) = (pool, connection, use, opened.Protocol, opened.Traits);
        _settingsOfLogin = opened.SettingsOfLogin;
        Protocol.StatementComment = []; // the connection's last job had its own
        var backend = SharesBackends ? null : opened.Traits.Backend;
        Control = new BackendControl(pool, connection.Host!, connection.Port, backend);
        _watch = AcknowledgementWatch.Start(Protocol, pool.Silence);
    }

    public ClusterPool Pool { get; }

    public ProtocolSession Protocol { get; }

    public ServerTraits Traits { get; }

    /// <summary>
    /// Whether a pooler may give each transaction another backend. Then all that a job sets lives in its transaction,
    /// and it runs in one or not at all.
    /// </summary>
    public bool SharesBackends => Traits.SharesBackends;

    /// <summary>The process that runs the job: behind a transaction pooler, since its transaction has begun.</summary>
    public Backend Backend => Control.Backend
        ?? throw new InvalidOperationException("No transaction has begun in which the session has a backend.");

    /// <summary>The way to stop what it runs, from another connection to the same server.</summary>
    public BackendControl Control { get; }

    /// <summary>The name that the login authenticated with.</summary>
    public string? UserName => _connection.UserName;

    /// <summary>How long a job may take, of which <see cref="State"/> tells whether it is over.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>True when nothing of the job is left in the session, so that it needs no reset.</summary>
    public bool IsReset { get; set; }

    /// <summary>
    /// Whether the session may serve the next job: this one has left nothing that a reset does not take away. That of a
    /// batch may not until this is known.
    /// </summary>
    public bool MayBeKept { get; set; }

    public bool IsAlive => Protocol.Fault is null;

    /// <summary>What an error of this session depends on.</summary>
    public SessionState State => new(IsAlive, Timeout is { } timeout && Stopwatch.GetElapsedTime(_start) >= timeout);

    /// <summary>Opens a session.</summary>
    /// <exception cref="JobFailedException">The cluster cannot be used.</exception>
    public static async Task<ClusterSession> OpenAsync(
        ClusterPool pool, SessionUse use, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var tries = 0;
        while (true)
        {
            NpgsqlConnection connection;
            try
            {
                connection = await pool.OpenAsync(use, cancellationToken);
            }
            catch (Exception e) when (PostgresErrors.IsConnectFault(e))
            {
                throw new JobFailedException(PostgresErrors.CannotConnect(e) with { IsUndone = true }, e);
            }

            try
            {
                if (await FindAsync(pool, connection, use, cancellationToken) is not { } opened)
                {
                    // The login has other settings by now, the server is no standby any more, or a pooler has been
                    // noticed since: all that are open are as they were.
                    ServerStream.Abandon(connection);
                    await connection.DisposeAsync();
                    pool.Renew(use);
                    continue;
                }

                return new ClusterSession(pool, connection, use, opened)
                {
                    Timeout = timeout,
                    IsReset = true,
                    MayBeKept = use == SessionUse.Query,
                };
            }
            catch (Exception e)
                when (e is SessionBrokenException or NpgsqlException or OperationCanceledException
                    or JobFailedException)
            {
                ServerStream.Abandon(connection);
                await connection.DisposeAsync();
                if (e is OperationCanceledException or JobFailedException)
                {
                    throw;
                }

                // It died in the pool, as all that the server had when it was restarted; nothing has been asked of it
                // yet.
                pool.Renew(use);
                if (++tries >= MostTries)
                {
                    var cause = (e as SessionBrokenException)?.Cause ?? e;
                    throw new JobFailedException(
                        PostgresErrors.ToFailure(cause, ErrorPlace.None) with { IsUndone = true }, cause);
                }
            }
        }
    }

    /// <summary>A way to stop what it runs from now on.</summary>
    public SessionStop StopBy(StopMode mode) => new(Protocol, Control, mode);

    /// <summary>
    /// Asks questions as one run; the last one's rows are the answer. Waits for no longer than it takes to stop them.
    /// </summary>
    /// <exception cref="PostgresException">The server refused one.</exception>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    /// <exception cref="OperationCanceledException">They were stopped.</exception>
    public Task<IReadOnlyList<string?[]>> AskAsync(
        CancellationToken cancellationToken, params IReadOnlyList<Question> questions) =>
        AskAsync(onNotice: null, cancellationToken, questions);

    /// <inheritdoc cref="AskAsync(CancellationToken, IReadOnlyList{Question})"/>
    /// <param name="onNotice">Hears what the server says beside the answer.</param>
    /// <param name="cancellationToken">Stops the questions.</param>
    /// <param name="questions">One or more.</param>
    public async Task<IReadOnlyList<string?[]>> AskAsync(
        Action<PostgresNotice>? onNotice, CancellationToken cancellationToken, params IReadOnlyList<Question> questions)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IsReset = false;
        await using var stop = StopBy(StopMode.CancelFirst);
        await using var registration = stop.BeginOn(cancellationToken);
        try
        {
            return await Protocol.AskAsync(onNotice, questions);
        }
        catch (PostgresException e) when (cancellationToken.IsCancellationRequested && PostgresErrors.IsStop(e))
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
    }

    /// <summary>
    /// Sets the session to what a batch asks for: for good, or only the transaction that this begins.
    /// </summary>
    /// <exception cref="JobFailedException">The cluster refuses it.</exception>
    public async Task SetUpAsync(SessionSettings settings, bool inTransaction, CancellationToken cancellationToken)
    {
        // The name outlives the transaction: a script that ends it by a trick is found by its name still.
        var commands = SessionSettings.ToCommands(
            Traits.Settings.Concat(settings.Values), isLocal: inTransaction, keepsName: !SharesBackends);
        try
        {
            if (SharesBackends)
            {
                await BeginAsync(isReadOnly: false, cancellationToken);
            }

            var all = inTransaction && !SharesBackends ? commands.Prepend("begin") : commands;
            await AskAsync(cancellationToken, [.. all.Select(command => new Question(command))]);
        }
        catch (Exception e) when (e is PostgresException or SessionBrokenException)
        {
            var cause = (e as SessionBrokenException)?.Cause ?? e;
            throw new JobFailedException(
                PostgresErrors.ToFailure(cause, ErrorPlace.None) with { IsUndone = true }, cause);
        }
    }

    /// <summary>
    /// Takes back what settings have made of the session, in the transaction that is open, and sets it once more to
    /// what the batch asks for.
    /// </summary>
    public Task SetUpAgainAsync(SessionSettings settings, CancellationToken cancellationToken)
    {
        var commands = SessionSettings.ToCommands(
            Traits.Settings.Concat(settings.Values), isLocal: true, keepsName: !SharesBackends);
        string[] all = ["reset session authorization", "reset role", "reset all", .. commands];
        return AskAsync(cancellationToken, [.. all.Select(command => new Question(command))]);
    }

    /// <summary>Takes back all that the session has, outside of a transaction, and sets it up once more.</summary>
    public async Task BeginAgainAsync(
        SessionSettings settings, Action<PostgresNotice> onNotice, CancellationToken cancellationToken)
    {
        await AskAsync(onNotice, cancellationToken, new Question("discard all"));
        await AskAsync(onNotice, cancellationToken, new Question("reset role")); // which a login may begin with
        await SetUpAsync(settings, inTransaction: false, cancellationToken);
    }

    /// <summary>
    /// Whether a new session would begin with the settings that this one began with: neither its login nor its database
    /// has been given others.
    /// </summary>
    public async Task<bool> IsStillAsNewAsync(CancellationToken cancellationToken) =>
        (await AskAsync(cancellationToken, new Question(SettingsOfLogin)))[0][0] == _settingsOfLogin;

    /// <summary>Begins the transaction of a job behind a transaction pooler.</summary>
    public async Task BeginAsync(bool isReadOnly, CancellationToken cancellationToken)
    {
        _shared = await SharedBackend.TakeAsync(this, isReadOnly, cancellationToken);
        Control.Backend = _shared.Backend;
    }

    /// <summary>
    /// Takes back all that the job has set, where the backend serves others after the COMMIT that follows.
    /// </summary>
    public async Task LeaveAsync(Action<PostgresNotice> onNotice, CancellationToken cancellationToken)
    {
        if (_shared is not null)
        {
            await _shared.LeaveAsync(this, onNotice, cancellationToken);
        }
    }

    /// <summary>
    /// Waits for something else while a transaction is open. The server ends a session whose transaction is idle for
    /// long, and what is waited for, such as Heimdall's own database, may take longer.
    /// </summary>
    public async Task AwaitAsync(Task other, TimeSpan interval, CancellationToken cancellationToken)
    {
        while (true)
        {
            await other.WaitAsync(interval, CancellationToken.None).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing);
            if (other.IsCompleted)
            {
                await other;
                return;
            }

            await AskAsync(cancellationToken, "select 1");
        }
    }

    /// <summary>
    /// Makes sure that nothing of the job runs any more and that what was not committed is rolled back.
    /// </summary>
    /// <exception cref="JobFailedException">It cannot be made sure: the cluster does not answer.</exception>
    public async Task EndAsync()
    {
        if (_hasEnded)
        {
            return;
        }

        if (Control.Backend is null)
        {
            // Nothing of the job has been sent.
            if (!Protocol.IsIdle
                || (Protocol.Transaction != TransactionStatus.Idle && !await TryAskAsync("rollback")))
            {
                Protocol.Abort();
            }

            _hasEnded = true;
            return;
        }

        // What still has an answer to come may be at anything.
        if (!Protocol.IsIdle || (Protocol.Transaction != TransactionStatus.Idle && !await TryAskAsync("rollback")))
        {
            _hasTriedToTerminate = true;
            await Control.TerminateAsync(isLost: !IsAlive);
        }

        _hasEnded = true;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_hasTriedToTerminate) // a cluster that could not be reached a moment ago is not waited for again
            {
                await EndAsync();
            }
        }
        catch (JobFailedException)
        {
            // How the job ended is recorded; client_connection_check_interval ends the backend of a dead connection
            // within a second.
        }

        // Temporary tables, locks, settings, roles, listens: none may reach the next job, or be left while a backend
        // that is closed ends.
        // In a backend that is shared the end of the transaction has left nothing.
        var isClean = Protocol.IsIdle && (IsReset || _shared is not null || await TryAskAsync("discard all"));

        // A standby may be promoted while the session lives; not every pooler passes on that it was.
        var isKept = MayBeKept && (_use == SessionUse.Query
            ? !Traits.IsStandby || (Protocol.IsOnStandby is not null && !SharesBackends)
            : _use == SessionUse.Transaction && !Traits.IsStandby && !Traits.HidesTransactions);
        if (isClean && (isKept || _use == SessionUse.Script))
        {
            Protocol.Rest();
        }
        else
        {
            ServerStream.Abandon(_connection);
        }

        _watch?.Dispose();
        if (!isKept || !IsAlive)
        {
            Protocol.Dispose();
        }

        await _connection.DisposeAsync();
    }

    /// <returns>Null where a session that is open is no longer as a new one would be.</returns>
    private static async Task<TakenConnection?> FindAsync(
        ClusterPool pool, NpgsqlConnection connection, SessionUse use, CancellationToken cancellationToken)
    {
        var identity = ServerStream.IdentityOf(connection);
        if (_opened.TryGetValue(identity, out var opened))
        {
            if (pool.HasMetPooler(connection) && !opened.Traits.SharesBackends)
            {
                return null;
            }

            // That it is no standby any more a server says with its next answer.
            if (opened.Protocol.HasNews() || opened.Traits.IsStandby)
            {
                await BoundAsync(opened.Protocol, opened.Protocol.CatchUpAsync(), cancellationToken);
            }

            if (opened.Traits.IsStandby && opened.Protocol.IsOnStandby == false)
            {
                return null;
            }

            if (use == SessionUse.Transaction && !opened.Traits.SharesBackends)
            {
                var asking = opened.Protocol.AskAsync(onNotice: null, SettingsOfLogin);
                await BoundAsync(opened.Protocol, asking, cancellationToken);
                return (await asking)[0][0] == opened.SettingsOfLogin ? opened : null;
            }

            return opened;
        }

        pool.RequireSupported(connection);
        var protocol = await ServerStream.TakeAsync(
            connection, socket => SocketOptions.Set(socket, pool.Settings), cancellationToken);
        var asked = protocol.AskAsync(onNotice: null, _whoAreYou);
        await BoundAsync(protocol, asked, cancellationToken);
        var row = (await asked)[0];
        var pid = TextValues.Int32(row[0]);
        var sharesBackends = pool.SharesBackends(connection, pid);

        // A backend that is shared is another one in the next transaction, and may not even show when it started.
        var started = sharesBackends ? 0 : TextValues.Int64(row[1]);
        var isStandby = TextValues.Boolean(row[5]);
        var backend = new Backend(pid, started, TextValues.Int64(row[6]), IsOnStandby: isStandby);
        var traits = new ServerTraits(
            backend,
            TextValues.Boolean(row[2]),
            TextValues.Boolean(row[3]) && !sharesBackends,
            TextValues.Boolean(row[9]) && !sharesBackends,
            TextValues.Boolean(row[4]) || sharesBackends,
            isStandby,
            sharesBackends,
            TextValues.Boolean(row[7]) && !sharesBackends,
            TextValues.Boolean(row[10]) && !sharesBackends);
        opened = new TakenConnection(protocol, traits, SettingsOfLogin: row[8]);
        _opened.AddOrUpdate(identity, opened);
        return opened;
    }

    /// <summary>Waits for an answer of a session that nothing depends on yet: it is ended where the wait is.</summary>
    private static async Task BoundAsync(ProtocolSession protocol, Task answer, CancellationToken cancellationToken)
    {
        try
        {
            await using var registration = cancellationToken.UnsafeRegister(
                state => ((ProtocolSession)state!).Abort(), protocol);
            await answer;
        }
        catch (SessionBrokenException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }

        // The token may have fired, and ended the session, when the answer had just come.
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task<bool> TryAskAsync(string command)
    {
        var answer = Protocol.AskAsync(onNotice: null, command);
        if (await Task.WhenAny(answer, Task.Delay(SessionStop.AnswerTimeout)) != answer)
        {
            Protocol.Abort();
        }

        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return answer.IsCompletedSuccessfully;
    }

    private sealed record TakenConnection(ProtocolSession Protocol, ServerTraits Traits, string? SettingsOfLogin);
}
