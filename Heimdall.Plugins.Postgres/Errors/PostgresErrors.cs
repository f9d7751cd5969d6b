using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Errors;

/// <summary>
/// What the server or Npgsql says becomes how a job ended. <see cref="SqlStates"/> has what a SQLSTATE means; which one
/// answers a particular question is known here.
/// </summary>
internal static partial class PostgresErrors
{
    private const string SessionLost = "The session was lost";

    // Of PostgreSQL 17.
    private const string TransactionTimeout = "25P04";

    /// <summary>
    /// Characters of a message, detail, hint or context that are kept: a job keeps many errors, and a RAISE may be of
    /// any length.
    /// </summary>
    private const int LongestField = 8192;

    /// <summary>
    /// Everything that opening a connection may throw when the cluster, its address, its certificates or its login are
    /// at fault.
    /// </summary>
    public static bool IsConnectFault(Exception exception) => exception
        is NpgsqlException or SocketException or IOException or TimeoutException or AuthenticationException
            or CryptographicException
        or UnauthorizedAccessException;

    /// <summary>True of what a pooler or an older server says of start-up options that it does not take.</summary>
    public static bool IsRefusedOption(PostgresException exception) =>
        exception.SqlState is PostgresErrorCodes.ProtocolViolation
        or PostgresErrorCodes.UndefinedObject or PostgresErrorCodes.InvalidParameterValue
        or PostgresErrorCodes.FeatureNotSupported;

    /// <summary>
    /// True of the error that a stopped statement ends with, whether it was cancelled or its backend terminated.
    /// </summary>
    public static bool IsStop(Exception exception) => exception is not PostgresException postgres
        || postgres.SqlState is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.AdminShutdown;

    /// <summary>True of what the server has said itself, unlike a connection that broke.</summary>
    public static bool IsFromServer(Exception exception) => exception is PostgresException;

    public static bool IsForbidden(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.InsufficientPrivilege;

    public static bool IsDivisionByZero(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.DivisionByZero;

    public static bool IsCanceled(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled };

    /// <summary>
    /// True when the server answered a statement with an error, and so has undone it: unlike a session that ends before
    /// the answer.
    /// </summary>
    public static bool IsUndone(Exception exception) =>
        (exception as PostgresException ?? exception.InnerException as PostgresException)
            is { InvariantSeverity: "ERROR" };

    /// <summary>The answer to a question about a transaction that this server has never had.</summary>
    public static bool IsUnknownTransaction(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.InvalidParameterValue;

    /// <summary>
    /// True of what the server says of a statement that it runs only outside a transaction, and of a procedure that
    /// commits within one.
    /// </summary>
    public static bool IsInTransaction(StatementError error) =>
        error.SqlState is PostgresErrorCodes.ActiveSqlTransaction or PostgresErrorCodes.InvalidTransactionTermination;

    /// <summary>
    /// What the server says of a statement that it runs only outside a transaction, without asking it.
    /// </summary>
    public static JobFailure InTransaction(string tag, StatementError error)
    {
        var message = $"{tag} cannot run inside a transaction block";
        return new JobFailure
        {
            Kind = JobFailureKind.Sql,
            Message = message,
            Errors = [error with { SqlState = PostgresErrorCodes.ActiveSqlTransaction, Message = message }],
        };
    }

    /// <summary>How a statement failed.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="place">The statement.</param>
    /// <param name="session">The session it ran in, to tell whether that survived and whether its time was up.</param>
    public static JobFailure ToFailure(Exception exception, ErrorPlace place, SessionState? session = null)
    {
        var lost = session is { IsAlive: false };
        return exception switch
        {
            PostgresException e => new JobFailure
            {
                Kind = KindOf(e, session),
                Message = lost ? $"{SessionLost}: {Cut(e.MessageText)}" : Cut(e.MessageText)!,
                IsTransient = IsTransient(e),
                Errors = [ToError(e, place)],
            },
            _ => new JobFailure
            {
                Kind = JobFailureKind.Unavailable,
                Message = $"{SessionLost}: the connection to the cluster broke.",
                IsTransient = true,
                Errors = place == ErrorPlace.None
                    ? []
                    : [At(new StatementError { Message = $"{SessionLost}." }, place, position: 0)],
            },
        };
    }

    /// <summary>
    /// Why a cluster cannot be used, in words that name no host, user, database or password: the server's own would.
    /// </summary>
    public static JobFailure CannotConnect(Exception exception)
    {
        var message = exception switch
        {
            PostgresException e => Refusal(e.SqlState),
            { InnerException: AuthenticationException } or AuthenticationException or CryptographicException =>
                "The TLS handshake with the cluster failed: its certificate was not accepted.",
            { InnerException: TimeoutException } or TimeoutException =>
                "The cluster did not answer in time, or all connections to it are in use.",
            FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException =>
                "A certificate or key file that the connection string names cannot be read.",
            _ => "The cluster cannot be reached.",
        };
        var sqlState = (exception as PostgresException)?.SqlState;
        return new JobFailure
        {
            // A login that is refused is refused the next time too: waiting does not mend it.
            Kind = sqlState is not null && SqlStates.ClassOf(sqlState) == SqlErrorClass.Forbidden
                ? JobFailureKind.Sql
                : JobFailureKind.Unavailable,
            Message = message,
            IsTransient = exception is PostgresException refused ? IsTransient(refused) : !IsMisconfigured(exception),
            Errors = sqlState is null ? [] : [new StatementError { SqlState = sqlState, Message = message }],
        };
    }

    /// <summary>
    /// True of an error that is gone when the same is run again a little later: it was in the way of another
    /// transaction, or the server was away, full or about to restart.
    /// </summary>
    private static bool IsTransient(PostgresException exception) =>
        SqlStates.ClassOf(exception.SqlState) == SqlErrorClass.Contention || IsUnavailable(exception);

    /// <summary>
    /// A server that goes away, or lets nobody in, ends the session: its severity is FATAL or PANIC. An ERROR is the
    /// statement's own, whatever its SQLSTATE.
    /// </summary>
    private static bool IsUnavailable(PostgresException exception) =>
        exception.InvariantSeverity != "ERROR"
        && SqlStates.ClassOf(exception.SqlState) == SqlErrorClass.Unavailable;

    /// <summary>True where a certificate or a key is at fault: waiting does not mend that.</summary>
    private static bool IsMisconfigured(Exception exception) =>
        exception is AuthenticationException or CryptographicException or UnauthorizedAccessException
            or FileNotFoundException or DirectoryNotFoundException
        || exception.InnerException is AuthenticationException;

    /// <summary>
    /// What psql gets of a query that has a parameter too few; by the extended protocol the server says it in other
    /// words.
    /// </summary>
    public static bool IsWrongParameterCount(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.ProtocolViolation;

    /// <summary>A query that names a parameter which was not given.</summary>
    public static JobFailure NoParameter(int number, ErrorPlace place)
    {
        var message = $"there is no parameter ${number}";
        return new JobFailure
        {
            Kind = JobFailureKind.Sql,
            Message = message,
            Errors =
            [
                At(
                    new StatementError
                    {
                        SqlState = PostgresErrorCodes.UndefinedParameter,
                        Message = message,
                        Hint = "Give each $1, $2, … a value in parameters.",
                    },
                    place,
                    position: 0),
            ],
        };
    }

    private static string Refusal(string sqlState) => sqlState switch
    {
        PostgresErrorCodes.InvalidPassword => "The cluster refused the login: the password is wrong.",
        PostgresErrorCodes.InvalidAuthorizationSpecification => "The cluster refused the login.",
        PostgresErrorCodes.InvalidCatalogName => "The database that the connection string names does not exist.",
        PostgresErrorCodes.InsufficientPrivilege => "The login may not connect to the database.",
        PostgresErrorCodes.TooManyConnections => "The cluster has no connection left.",
        PostgresErrorCodes.CannotConnectNow => "The cluster is starting up or shutting down.",
        _ => "The cluster refused the connection.",
    };

    private static JobFailureKind KindOf(PostgresException exception, SessionState? session)
    {
        if (IsCanceled(exception))
        {
            // The server words it in its own language, so the time is asked as well.
            var isTimeUp = session is { IsTimeUp: true }
                || exception.MessageText.Contains("statement timeout", StringComparison.Ordinal);
            return isTimeUp ? JobFailureKind.TimedOut : JobFailureKind.Sql;
        }

        if (exception.InvariantSeverity == "ERROR")
        {
            return JobFailureKind.Sql;
        }

        // It has ended the session: by a limit of its own, or for a reason that is not the statement's.
        return exception.SqlState == TransactionTimeout ? JobFailureKind.TimedOut : JobFailureKind.Unavailable;
    }

    private static StatementError ToError(PostgresException e, ErrorPlace place)
    {
        var error = new StatementError
        {
            SqlState = e.SqlState,
            Message = Cut(e.MessageText)!,
            Detail = Cut(e.Detail),
            Hint = Cut(e.Hint) ?? SyntaxHints.Find(e, place.Text),
            Context = Cut(e.Where),
        };

        // COPY gives no position but says which line of its data was wrong.
        if (e.Position == 0 && place.DataLine is { } first
            && e.Where is not null && CopyLine().Match(e.Where) is { Success: true } match)
        {
            var line = first - 1 + long.Parse(match.Groups[1].ValueSpan, provider: null);
            return error with { Statement = place.Statement, File = place.File, Line = line };
        }

        return At(error, place, e.Position);
    }

    private static string? Cut(string? text) => text is { Length: > LongestField }
        ? $"{text[..(LongestField - (char.IsHighSurrogate(text[LongestField - 1]) ? 1 : 0))]} …"
        : text;

    private static StatementError At(StatementError error, ErrorPlace place, int position)
    {
        if (place.Line == 0)
        {
            return error;
        }

        var (line, column) = place.Locate(position);
        return error with
        {
            Statement = place.Statement,
            File = place.File,
            Line = line,
            Column = position > 0 ? column : null,
            Position = position > 0 && place.IsWholeText ? place.Within(position) : null,
        };
    }

    [GeneratedRegex(@"^COPY .+?, line ([0-9]{1,18})", RegexOptions.Multiline)]
    private static partial Regex CopyLine();
}
