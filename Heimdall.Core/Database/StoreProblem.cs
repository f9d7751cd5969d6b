using System.Security.Authentication;
using System.Transactions;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Says in a sentence why the store cannot be used. Anybody may read it: no address and no login is in it.</summary>
internal static class StoreProblem
{
    public const string Silent = "the store does not answer";

    public static string Of(Exception exception) => exception switch
    {
        StoreServerException or StorePoolerException or StoreSchemaException => exception.Message,
        PostgresException postgres => Of(postgres),
        NpgsqlException { InnerException: AggregateException hosts } => Of(hosts),
        { InnerException: AuthenticationException } or AuthenticationException =>
            "the certificate of the store's server is not accepted",
        NpgsqlException or TimeoutException or OperationCanceledException or TransactionException or IOException =>
            Silent,
        _ => exception.Message,
    };

    /// <summary>The same for the log, which may name the address.</summary>
    public static string ForLog(Exception exception) => Of(exception) is var problem && problem == Silent
        ? $"{problem}: {exception.Message}"
        : problem;

    /// <summary>Whether a session may keep the problem when its cause has ended.</summary>
    public static bool StaysInSession(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction })
            {
                return true;
            }
        }
        return false;
    }

    private static string Of(PostgresException exception) => exception.SqlState switch
    {
        PostgresErrorCodes.ReadOnlySqlTransaction =>
            "the store can only be read: its server is a standby, or default_transaction_read_only is on",
        PostgresErrorCodes.DiskFull => "the store's disk is full",
        PostgresErrorCodes.TooManyConnections => "the store's server, database or login has no connection left",
        PostgresErrorCodes.InsufficientPrivilege =>
            $"the store's login lacks a right: {exception.MessageText}",
        PostgresErrorCodes.InvalidCatalogName => "the store's database does not exist",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName =>
            $"the store's schema is not what this version needs: {exception.MessageText}",
        PostgresErrorCodes.CannotConnectNow => "the store's server starts, stops or recovers",
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown => "the store's server has ended the session",
        PostgresErrorCodes.QueryCanceled => Silent,
        PostgresErrorCodes.LockNotAvailable => "another session keeps a table of the store locked",
        var state when SqlStates.ClassOf(state) == SqlErrorClass.Forbidden => "the store's server refuses the login",
        var state => $"the store's server refuses: {exception.MessageText} ({state})",
    };

    /// <summary>Of several hosts, none of which would do.</summary>
    private static string Of(AggregateException hosts) =>
        hosts.InnerExceptions.OfType<PostgresException>().FirstOrDefault() is { } refusal
            ? Of(refusal)
            : "none of the store's hosts answers and can be written";
}
