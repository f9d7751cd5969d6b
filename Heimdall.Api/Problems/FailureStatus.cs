using Heimdall.Core.Plugins;

namespace Heimdall.Api.Problems;

/// <summary>The one table from a failed query to an HTTP status. Nothing else picks a status for a database's error.</summary>
internal static class FailureStatus
{
    public static int Of(JobFailure failure) => failure.Kind switch
    {
        JobFailureKind.Sql => OfSqlState(failure.SqlState ?? ""),
        JobFailureKind.Refused => StatusCodes.Status400BadRequest,
        JobFailureKind.Unavailable => StatusCodes.Status503ServiceUnavailable,
        JobFailureKind.TimedOut => StatusCodes.Status504GatewayTimeout,
        _ => StatusCodes.Status500InternalServerError,
    };

    public static string Title(JobFailureKind kind) => kind switch
    {
        JobFailureKind.Sql => "The database refused the query.",
        JobFailureKind.Refused => "The query cannot be run as it was asked.",
        JobFailureKind.Unavailable => "The cluster cannot be reached.",
        JobFailureKind.TimedOut => "The query took too long.",
        JobFailureKind.OutcomeUnknown => "It is not known whether the query took effect.",
        JobFailureKind.Interrupted => "The job was stopped before its end.",
        _ => "Heimdall failed.",
    };

    /// <summary>True when the same request may well succeed later, with nothing changed.</summary>
    public static bool IsRetryable(JobFailure failure) => failure switch
    {
        { Kind: JobFailureKind.Unavailable } => true,
        { Kind: JobFailureKind.Sql, SqlState: "40001" or "40P01" } => true, // serialization_failure, deadlock_detected
        _ => false,
    };

    // Names of the codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
    private static int OfSqlState(string code) => code switch
    {
        "23503" or "23505" => StatusCodes.Status409Conflict,           // foreign_key_violation, unique_violation
        "25006" => StatusCodes.Status405MethodNotAllowed,              // read_only_sql_transaction
        "42501" => StatusCodes.Status403Forbidden,                     // insufficient_privilege
        "57014" => StatusCodes.Status504GatewayTimeout,                // query_canceled: by a deadline; by its owner is no failure
        "53100" or "53200" => StatusCodes.Status503ServiceUnavailable, // disk_full, out_of_memory
        ['2', '8', ..] => StatusCodes.Status403Forbidden,              // invalid authorization
        ['5', '8', ..] or ['X', 'X', ..] => StatusCodes.Status500InternalServerError, // system errors, internal errors
        _ => StatusCodes.Status400BadRequest,                          // the query's own fault, whatever its code: 22*, 42*, P0001, …
    };
}
