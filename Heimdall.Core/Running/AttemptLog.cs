using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// What a running attempt reports: its progress and its log are stored each half second, so that a watcher sees them
/// and the store is not written to for every statement; its evidence and its confirmations at once.
/// </summary>
internal sealed class AttemptLog : IJobMonitor, IAsyncDisposable
{
    private static readonly TimeSpan StoreInterval = TimeSpan.FromMilliseconds(500);

    private readonly AttemptWriter _writer;
    private readonly RunningAttempt _attempt;
    private readonly TimeSpan _lease;
    private readonly StoredResultWriter? _rows;
    private readonly BoundedLog _stdout = new(JobLogStream.Stdout);
    private readonly BoundedLog _stderr = new(JobLogStream.Stderr);
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _storing;
    private JobProgress _progress = new();
    private JobProgress _stored = new();

    /// <param name="writer">Writes to the store.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="lease">How long it gets with each confirmation.</param>
    /// <param name="rows">Where it stores its rows; null when it stores none.</param>
    public AttemptLog(AttemptWriter writer, RunningAttempt attempt, TimeSpan lease, StoredResultWriter? rows = null)
    {
        (_writer, _attempt, _lease, _rows) = (writer, attempt, lease, rows);
        _storing = StoreNowAndThenAsync();
    }

    /// <summary>What was last reported.</summary>
    public JobProgress Progress => WithStoredRows(Volatile.Read(ref _progress));

    /// <summary>What nothing that is stored may hold.</summary>
    public JobSecrets? Secrets { get; set; }

    public void Report(JobProgress progress) =>
        Volatile.Write(ref _progress, Secrets?.Redact(progress) ?? progress);

    /// <returns>The same with the rows that are stored, where they are: they have a limit of their own.</returns>
    public JobProgress WithStoredRows(JobProgress progress) => _rows is null
        ? progress
        : progress with { RowCount = _rows.Rows, Truncated = progress.Truncated is true || _rows.IsFull };

    public bool WantsStdout => !_stdout.IsFull;

    public void Stdout(string line) => _stdout.Add(Secrets?.Redact(line) ?? line);

    public void Stderr(string line) => _stderr.Add(Secrets?.Redact(line) ?? line);

    public async Task RecordEvidenceAsync(string evidence, CancellationToken cancellationToken) => ThrowIfStopped(
        await _writer.Retry.RunAsync(
            token => _writer.RecordEvidenceAsync(_attempt.Job, evidence, token), cancellationToken),
        cancellationToken);

    public async Task ConfirmAsync(CancellationToken cancellationToken)
    {
        var (status, asked) = await _writer.Retry.RunAsync(
            async token =>
            {
                var asked = LeaseClock.Now;
                return (await _writer.ConfirmAsync(_attempt.Job, Progress, _lease, token), asked);
            },
            cancellationToken);
        ThrowIfStopped(status, cancellationToken);
        _attempt.Renewed(asked);
    }

    /// <summary>Stops storing by itself.</summary>
    /// <returns>
    /// What is left of the log, to be stored with the attempt's end. The last progress is written there, too.
    /// </returns>
    public async Task<IReadOnlyList<NewLogPiece>> CloseAsync()
    {
        await StopStoringAsync();
        return [.. _stdout.TakeRest(), .. _stderr.TakeRest()];
    }

    public async ValueTask DisposeAsync()
    {
        await StopStoringAsync();
        _ended.Dispose();
    }

    private Task StopStoringAsync()
    {
        // Not on another thread: nothing hears it but a delay, and most jobs are shorter than such a change.
        _ended.Cancel();
        return _storing;
    }

    /// <summary>A cancel whose announcement was lost, or has not come yet, is noticed here at the latest.</summary>
    private void ThrowIfStopped(JobStatus? status, CancellationToken cancellationToken)
    {
        switch (status)
        {
            case null:
                throw new AttemptLostException(_attempt.JobId, _attempt.Attempt);
            case JobStatus.Canceling:
                _attempt.RequestCancel();
                throw new OperationCanceledException(cancellationToken);
        }
    }

    private async Task StoreNowAndThenAsync()
    {
        while (true)
        {
            // Without an exception at its end: most jobs are over before the first round, and one would cost more than
            // they do.
            await Task.Delay(StoreInterval, _ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_ended.IsCancellationRequested)
            {
                return;
            }
            await TryStoreAsync();
        }
    }

    private async Task TryStoreAsync()
    {
        var progress = Progress;
        NewLogPiece[] pieces = [.. new[] { _stdout.Next(), _stderr.Next() }.OfType<NewLogPiece>()];
        if (progress == _stored && pieces.Length == 0)
        {
            return;
        }
        try
        {
            await _writer.SaveAsync(_attempt.JobId, _attempt.Attempt, progress == _stored ? null : progress, pieces);
        }
        catch (Exception exception)
            when (exception is NpgsqlException or InvalidOperationException or TimeoutException or IOException)
        {
            return; // the next round tries again; nothing has been dropped
        }
        _stored = progress;
        foreach (var piece in pieces)
        {
            (piece.Stream == JobLogStream.Stdout ? _stdout : _stderr).Stored(piece);
        }
    }
}
