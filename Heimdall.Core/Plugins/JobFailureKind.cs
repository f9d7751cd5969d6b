namespace Heimdall.Core.Plugins;

/// <summary>Why a job failed. docs/reference/errors.md has the table of kinds, their meaning and their HTTP status.</summary>
public enum JobFailureKind
{
    /// <summary>The database refused a statement; its SQLSTATE says why.</summary>
    Sql,

    /// <summary>The job cannot be run as it was asked: a missing file, a statement that this mode does not allow.</summary>
    Refused,

    /// <summary>The cluster could not be reached, or went away.</summary>
    Unavailable,

    /// <summary>A deadline ended the job.</summary>
    TimedOut,

    /// <summary>
    /// A batch whose statements commit one by one was stopped before its end. What it had done by then stays.
    /// </summary>
    Interrupted,

    /// <summary>It is not known whether the work took effect: the process died, or the connection broke.</summary>
    OutcomeUnknown,

    /// <summary>A fault of Heimdall itself.</summary>
    Internal,
}
