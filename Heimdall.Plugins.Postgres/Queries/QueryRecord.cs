using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Batches;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Sessions;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// What is recorded of a queued query, so that another process can find out whether it took effect: where it runs,
/// before it is sent; its transaction, before the COMMIT. A query that has written nothing is in no transaction that
/// could be asked for, and may run again.
/// </summary>
internal sealed class QueryRecord(
    ClusterSession session, Guid jobId, IResultWriter results, IJobMonitor monitor, BatchReceipts? receipts)
{
    private const string AssignedTransaction = "select pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text";

    // A standby writes nothing, and no receipt of it.
    private readonly BatchReceipts? _receipts = session.Traits.IsStandby ? null : receipts;
    private BatchReceipt? _receipt;
    private CommitEvidence? _evidence;
    private long? _transactionStarted;

    /// <summary>Records where the query runs. Nothing of it has been sent.</summary>
    /// <param name="commitsByItself">True of a statement that cannot run in a transaction of ours.</param>
    /// <param name="looksReadOnly">Then a receipt is prepared only if it turns out to write.</param>
    /// <param name="transactionStarted">
    /// When its transaction began, in microseconds since 1970. Null where the session serves no other attempt, or the
    /// session knows it itself.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task BeginAsync(
        bool commitsByItself, bool looksReadOnly, long? transactionStarted, CancellationToken cancellationToken)
    {
        if (!commitsByItself && !looksReadOnly)
        {
            await PrepareReceiptAsync(cancellationToken);
        }

        _transactionStarted = transactionStarted;
        var place = Placed(CommitEvidence.WithoutTransaction(session.Backend));
        await WriteAsync(place with { CommitsOnRecord = !commitsByItself }, cancellationToken);
    }

    /// <summary>
    /// Makes the rows durable, and records the transaction if there is one. The statement is done, and COMMIT not sent.
    /// </summary>
    /// <exception cref="AttemptLostException">The job belongs to another attempt.</exception>
    /// <exception cref="JobFailedException">The rows cannot be stored, or the server refuses.</exception>
    public async Task PrepareCommitAsync(CancellationToken cancellationToken)
    {
        await session.AwaitAsync(
            results.EndAsync(cancellationToken).AsTask(), SessionSettings.KeepAliveInterval, cancellationToken);
        try
        {
            if ((await session.AskAsync(cancellationToken, AssignedTransaction))[0][0] is null)
            {
                return;
            }

            await PrepareReceiptAsync(cancellationToken);
            var isLeft = _receipt is not null && await _receipts!.TryWriteAsync(session, cancellationToken);
            _evidence = Placed(
                await CommitEvidence.TakeAsync(session, jobId, isLeft ? _receipt : null, cancellationToken));
        }
        catch (PostgresException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var failure = PostgresErrors.ToFailure(e, ErrorPlace.None, session.State);
            throw new JobFailedException(failure with { IsUndone = true }, e);
        }

        await WriteAsync(_evidence, cancellationToken);
        await session.AwaitAsync(
            monitor.ConfirmAsync(cancellationToken), SessionSettings.KeepAliveInterval, cancellationToken);
    }

    /// <summary>What became of it when the connection broke between COMMIT and its answer.</summary>
    public async Task<AttemptFate> FindFateAsync() => _evidence is null
        ? AttemptFate.NothingHappened
        : await CommitResolver.ResolveBrokenAsync(session, _evidence);

    private CommitEvidence Placed(CommitEvidence evidence) =>
        evidence with { TransactionStarted = evidence.TransactionStarted ?? _transactionStarted };

    private async Task PrepareReceiptAsync(CancellationToken cancellationToken)
    {
        if (_receipts is not null)
        {
            _receipt ??= await _receipts.PrepareAsync(session, cancellationToken);
        }
    }

    private Task WriteAsync(CommitEvidence evidence, CancellationToken cancellationToken) => session.AwaitAsync(
        monitor.RecordEvidenceAsync(evidence.ToJson(), cancellationToken),
        SessionSettings.KeepAliveInterval,
        cancellationToken);
}
