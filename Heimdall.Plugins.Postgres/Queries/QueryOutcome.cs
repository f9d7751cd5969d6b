using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>How a query ended: <see cref="Of"/> decides it from the transcript alone.</summary>
internal sealed record QueryOutcome
{
    public const string ChangedEncoding =
        "The query changed client_encoding while its rows were sent, so that they cannot be read; leave that out.";

    private const string BrokenCommit =
        "The connection to the cluster broke during the commit of the query, and it is not known whether it took "
        + "effect.";

    private const string UnreadCommit =
        "The query had been committed before it could be stopped, and its rows were not all read. "
        + "Should it have called a function that writes, that has taken effect.";

    private const string MayHaveWritten =
        "Should the query have called a function that writes, that may have taken effect.";

    private const string WrittenWhenCut =
        "The query had reached its limit of rows or bytes, and began to write while it was stopped for that: all of it "
        + "is undone. Give it a higher limit or none, or let it write before its first row.";

    private const string UnknownWhenCut =
        "The query was stopped at its limit of rows or bytes, and it could not be made sure whether it had begun to "
        + "write. Nothing of it took effect. Run it again, or without the limit.";

    private static readonly JobFailure _writtenWhenCut =
        new() { Kind = JobFailureKind.Refused, Message = WrittenWhenCut, IsUndone = true };

    private static readonly JobFailure _unknownWhenCut = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = UnknownWhenCut,
        IsTransient = true,
        IsUndone = true,
    };

    private static readonly QueryOutcome _succeeded = new();
    private static readonly QueryOutcome _stopped = new() { IsStopped = true };

    /// <summary>Why it failed; null when it did not.</summary>
    public JobFailure? Failure { get; private init; }

    /// <summary>True when it was stopped, and nothing of it took effect.</summary>
    public bool IsStopped { get; private init; }

    public bool IsSuccess => Failure is null && !IsStopped;

    public static QueryOutcome Of(QueryTranscript run) => run switch
    {
        { Refusal: { } refusal } => OfRefusal(run, new JobFailure { Kind = JobFailureKind.Refused, Message = refusal }),
        { Broken: not null } => OfBroken(run, run.Broken),
        { IsUnread: true } => OfUnread(run),
        { HasWrittenWhenCut: true, IsStopped: false, Error: { } error } when PostgresErrors.IsCanceled(error) =>
            new() { Failure = _writtenWhenCut },
        { HasWrittenWhenCut: null, IsStopped: false, Error: { } error } when PostgresErrors.IsCanceled(error) =>
            new() { Failure = _unknownWhenCut },
        { Error: { } error } when !(run is { IsCutShort: true, HasWrittenWhenCut: false }
            && PostgresErrors.IsCanceled(error)) => OfError(run, error),
        _ => _succeeded,
    };

    private static QueryOutcome OfRefusal(QueryTranscript run, JobFailure failure) => run switch
    {
        { IsReadOnly: true } or { CommitsByItself: false, HasAskedToCommit: false }
            or { Broken: null, HasCommitted: false } =>
                new() { Failure = failure with { IsUndone = !run.CommitsByItself } },
        { CommitsByItself: true } => new() { Failure = failure },
        _ => Failed(failure, MayHaveWritten),
    };

    private static QueryOutcome OfBroken(QueryTranscript run, Exception cause)
    {
        // It ended after it had done all that was asked of it: with the reset, or because a limit had it stopped.
        if ((run.HasCommitted && !run.IsUnread) || run.CommitFate == AttemptFate.Committed
            || (run is { IsCutShort: true, IsReadOnly: true }
                && PostgresErrors.IsFromServer(cause) && PostgresErrors.IsStop(cause)))
        {
            return _succeeded;
        }

        if (run.CommitsByItself)
        {
            return Unknown(run);
        }

        if (run.CommitFate == AttemptFate.NothingHappened)
        {
            return run.IsStopped && PostgresErrors.IsStop(cause)
                ? _stopped
                : new()
                {
                    Failure = PostgresErrors.ToFailure(cause, run.Query.Place, run.Session) with { IsUndone = true },
                };
        }

        if (run.CommitFate is not null
            || run is { MayBeCutShort: false, HasAskedToCommit: true, HasCommitted: false })
        {
            return Failed(JobFailureKind.OutcomeUnknown, BrokenCommit);
        }

        // COMMIT was on its way. The server's own word that it ended the session would be certain: it has not
        // committed.
        var mayHaveCommitted = !run.IsReadOnly && run.HasAskedToCommit && !PostgresErrors.IsFromServer(cause);
        if (run.IsUnread)
        {
            return mayHaveCommitted && !run.HasCommitted
                ? Failed(JobFailureKind.OutcomeUnknown, BrokenCommit)
                : OfUnread(run);
        }

        if (run.IsStopped && PostgresErrors.IsStop(cause) && !mayHaveCommitted)
        {
            return _stopped;
        }

        var failure = PostgresErrors.ToFailure(cause, run.Query.Place, run.Session) with { IsUndone = run.IsReadOnly };
        return mayHaveCommitted ? Failed(failure, MayHaveWritten) : new() { Failure = failure };
    }

    private static QueryOutcome OfUnread(QueryTranscript run) => run switch
    {
        // It is done, even if its reply is not read.
        { CommitsByItself: true, IsAnswered: true, Error: null } => _succeeded,
        { CommitsByItself: true, MayHaveCommittedOnItsWay: true } => Unknown(run),
        // What it did is undone.
        { CommitsByItself: true } or { IsReadOnly: true } or { HasCommitted: false } => _stopped,
        _ => Failed(
            run.Session is { IsTimeUp: true } ? JobFailureKind.TimedOut : JobFailureKind.Interrupted, UnreadCommit),
    };

    private static QueryOutcome OfError(QueryTranscript run, Npgsql.PostgresException error)
    {
        if (run.IsStopped && PostgresErrors.IsStop(error))
        {
            return run is { CommitsByItself: true, MayHaveCommittedOnItsWay: true } ? Unknown(run) : _stopped;
        }

        var isUndone = !run.CommitsByItself && PostgresErrors.IsUndone(error);
        if (run.FailedStep == QueryStep.Check && PostgresErrors.IsDivisionByZero(error))
        {
            var changed = new JobFailure { Kind = JobFailureKind.Refused, Message = ChangedEncoding };
            return new() { Failure = changed with { IsUndone = isUndone } };
        }

        var given = run.Query.Parameters.Count;
        if (run.ParametersUsed is { } used && used != given && PostgresErrors.IsWrongParameterCount(error))
        {
            return used > given
                ? new() { Failure = PostgresErrors.NoParameter(given + 1, run.Query.Place) }
                : Failed(JobFailureKind.Refused, $"parameters: {given} are given, and the query uses {used}.");
        }

        var place = run.FailedStep is QueryStep.Begin or QueryStep.SetUp or QueryStep.Check
            ? ErrorPlace.None
            : run.Query.Place;
        var failure = PostgresErrors.ToFailure(error, place, run.Session) with { IsUndone = isUndone };
        return new() { Failure = ParameterNames.Restore(failure, run.Query.Parameters) };
    }

    private static QueryOutcome Unknown(QueryTranscript run) => Failed(
        JobFailureKind.OutcomeUnknown,
        $"{run.Query.Tag} commits by itself; it was ended before it was done, and it is not known what of it took "
        + "effect.");

    private static QueryOutcome Failed(JobFailureKind kind, string message) =>
        new() { Failure = new JobFailure { Kind = kind, Message = message } };

    private static QueryOutcome Failed(JobFailure failure, string more) =>
        new() { Failure = failure with { Message = $"{failure.Message} {more}" } };
}
