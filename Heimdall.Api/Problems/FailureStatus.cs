using Heimdall.Core.Plugins;

namespace Heimdall.Api.Problems;

/// <summary>From a failed query to an HTTP status. Nothing else picks a status for a database's error.</summary>
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

    private static int OfSqlState(string code) => SqlStates.ClassOf(code) switch
    {
        SqlErrorClass.Conflict => StatusCodes.Status409Conflict,
        SqlErrorClass.ReadOnly => StatusCodes.Status405MethodNotAllowed,
        SqlErrorClass.Forbidden => StatusCodes.Status403Forbidden,
        SqlErrorClass.Canceled => StatusCodes.Status504GatewayTimeout, // by a deadline; by its owner is no failure
        SqlErrorClass.NoRoom => StatusCodes.Status503ServiceUnavailable,
        SqlErrorClass.ServerFault => StatusCodes.Status500InternalServerError,
        _ => StatusCodes.Status400BadRequest,
    };
}
