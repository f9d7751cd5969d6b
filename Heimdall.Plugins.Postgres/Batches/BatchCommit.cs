using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Commits a batch, and knows afterwards whether it did.</summary>
internal sealed class BatchCommit(
    ClusterSession session,
    IJobMonitor monitor,
    Action<PostgresNotice> onNotice,
    CommitEvidence evidence,
    BatchReceipts? receipts)
{
    // Also makes sure that a commit which is recorded is not lost in a crash of the server.
    private const string CurrentTransaction =
        $"select pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text, {CommitEvidence.ForceSyncCommit}";

    private CommitEvidence _evidence = evidence;

    public static JobFailedException TransactionEnded() => new(
        JobFailureKind.OutcomeUnknown,
        "A statement of the script ended the transaction that Heimdall had opened; what ran before it may be "
        + "committed.");

    /// <exception cref="AttemptLostException">The job belongs to another attempt.</exception>
    /// <exception cref="JobFailedException">Something of the script is committed, or nobody can tell.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await CheckTransactionAsync(cancellationToken);
        await LeaveReceiptAsync(cancellationToken);
        await session.AwaitAsync(
            monitor.ConfirmAsync(cancellationToken), SessionSettings.KeepAliveInterval, cancellationToken);
        try
        {
            // Deferred triggers run in it, and may have something to say. Where they have run, it is not stopped: the
            // backend may be another client's by then.
            await session.AskAsync(
                onNotice, session.SharesBackends ? CancellationToken.None : cancellationToken, "commit");
        }
        catch (SessionBrokenException e)
        {
            // The connection broke between COMMIT and its answer. Only the server knows.
            var outcome = await CommitResolver.ResolveBrokenAsync(session, _evidence);
            if (outcome != AttemptFate.Committed)
            {
                throw outcome == AttemptFate.NothingHappened ? Undone(e.Cause, cancellationToken) : Unknown(e.Cause);
            }
        }
    }

    /// <summary>
    /// The transaction that is about to be committed must be the one the evidence names, or the evidence would lie.
    /// </summary>
    private async Task CheckTransactionAsync(CancellationToken cancellationToken)
    {
        if ((await session.AskAsync(cancellationToken, CurrentTransaction))[0][0] != _evidence.Xid)
        {
            throw TransactionEnded();
        }
    }

    private async Task LeaveReceiptAsync(CancellationToken cancellationToken)
    {
        if (receipts is not null && !await receipts.TryWriteAsync(session, cancellationToken))
        {
            // It must not be missed.
            _evidence = _evidence with { Receipt = null };
            await session.AwaitAsync(
                monitor.RecordEvidenceAsync(_evidence.ToJson(), cancellationToken),
                SessionSettings.KeepAliveInterval,
                cancellationToken);
        }
    }

    private Exception Undone(Exception e, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
        ? new OperationCanceledException(
            "The batch was stopped during its commit and is rolled back.", e, cancellationToken)
        : new JobFailedException(PostgresErrors.ToFailure(e, ErrorPlace.None, session.State), e);

    private static JobFailedException Unknown(Exception e) =>
        new(
            JobFailureKind.OutcomeUnknown,
            "The connection to the cluster broke during the commit, and it is not known whether it took effect.",
            e);
}
