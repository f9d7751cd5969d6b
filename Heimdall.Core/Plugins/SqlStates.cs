namespace Heimdall.Core.Plugins;

/// <summary>What a SQLSTATE means to the caller of a statement that failed with it.</summary>
public enum SqlErrorClass
{
    /// <summary>The statement's own fault.</summary>
    Statement,

    /// <summary>Rows that are there, or are not there, stand against it.</summary>
    Conflict,

    /// <summary>Another transaction stood in the way, and is out of it a moment later.</summary>
    Contention,

    /// <summary>A write in a transaction that only reads.</summary>
    ReadOnly,

    /// <summary>The login may not do that.</summary>
    Forbidden,

    /// <summary>The statement was cancelled.</summary>
    Canceled,

    /// <summary>The server has no disk or memory left for it.</summary>
    NoRoom,

    /// <summary>A fault of the server itself.</summary>
    ServerFault,

    /// <summary>
    /// The server goes away, starts up, has no connection left or ends idle sessions, if it ends the session with that.
    /// In a session that lives on it is the statement's own: RAISE takes any SQLSTATE, and dblink reports those of other
    /// servers.
    /// </summary>
    Unavailable,
}

/// <summary>
/// The one table of SQLSTATEs. Names: https://www.postgresql.org/docs/current/errcodes-appendix.html
/// </summary>
public static class SqlStates
{
    public static SqlErrorClass ClassOf(string sqlState) => sqlState switch
    {
        "23503" or "23505" => SqlErrorClass.Conflict,           // foreign_key_violation, unique_violation
        "25006" => SqlErrorClass.ReadOnly,                      // read_only_sql_transaction
        "25P03" or "57P05" => SqlErrorClass.Unavailable,        // idle_in_transaction_, idle_session_timeout
        "40001" or "40P01" => SqlErrorClass.Contention,         // serialization_failure, deadlock_detected
        "42501" => SqlErrorClass.Forbidden,                     // insufficient_privilege
        "53100" or "53200" => SqlErrorClass.NoRoom,             // disk_full, out_of_memory
        "53300" => SqlErrorClass.Unavailable,                   // too_many_connections
        "57014" => SqlErrorClass.Canceled,                      // query_canceled
        "57P01" or "57P02" or "57P03" => SqlErrorClass.Unavailable, // the server shuts down, crashed, starts up
        ['0', '8', ..] => SqlErrorClass.Unavailable,            // connection exceptions
        ['2', '8', ..] => SqlErrorClass.Forbidden,              // invalid authorization
        ['5', '8', ..] or ['X', 'X', ..] => SqlErrorClass.ServerFault, // system errors, internal errors
        _ => SqlErrorClass.Statement,                           // 22*, 42*, P0001, …
    };
}
