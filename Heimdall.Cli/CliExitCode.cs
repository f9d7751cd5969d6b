using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>How the program ends, for scripts. <c>docs/reference/cli.md</c> lists them.</summary>
internal static class CliExitCode
{
    public const int Succeeded = 0;
    public const int Wrong = 1;
    public const int SqlError = 2;
    public const int Deadline = 3;
    public const int Canceled = 4;
    public const int NoRoute = 5;
    public const int NotAllowed = 6;
    public const int Unreachable = 7;
    public const int LeftAtOnce = 130;
    public const int OutputClosed = 141;

    public static IReadOnlyList<(int Code, string Meaning)> All { get; } =
    [
        (Succeeded, "it succeeded"),
        (Wrong, "wrong usage, or something unexpected"),
        (SqlError, "the SQL or the job failed"),
        (Deadline, "a deadline ended it"),
        (Canceled, "it was cancelled"),
        (NoRoute, "no command and cluster match"),
        (NotAllowed, "not allowed, or not authenticated"),
        (Unreachable, "Heimdall cannot be reached, or for `query` the cluster"),
        (LeftAtOnce, "left at once by a second Ctrl-C"),
        (OutputClosed, "nobody reads its output any more, as with `head`"),
    ];

    public static int Of(HeimdallException exception) => exception switch
    {
        { Type: "canceled" } => Canceled,
        { Type: "no-match" } => NoRoute,
        { Type: "job-failed", Status: 504 } => Deadline,
        { Type: "job-failed", Status: 503, Sqlstate: null } => Unreachable,
        { Type: "job-failed" } => SqlError,
        { Status: 401 or 403 } => NotAllowed,
        { IsUnreachable: true } or { Status: 503 } => Unreachable,
        _ => Wrong,
    };

    public static int Of(string status) => status switch
    {
        "SUCCEEDED" => Succeeded,
        "CANCELED" => Canceled,
        "KILLED" => Deadline,
        _ => SqlError,
    };
}

/// <summary>The command line or the environment is wrong.</summary>
internal sealed class UsageException(string message) : Exception(message);
