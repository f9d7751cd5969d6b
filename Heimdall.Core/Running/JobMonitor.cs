using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// Takes what a running job tells and stores it now and then: a watcher sees it within a second, and the store is not
/// written to for every statement.
/// </summary>
internal sealed class JobMonitor : IJobMonitor, IAsyncDisposable
{
    private static readonly TimeSpan StoreInterval = TimeSpan.FromMilliseconds(500);

    private readonly JobClaims _claims;
    private readonly JobLogStore _logs;
    private readonly RunningAttempt _running;
    private readonly Guid _jobId;
    private readonly int _attempt;
    private readonly TimeSpan _lease;
    private readonly BoundedLog _stdout = new();
    private readonly BoundedLog _stderr = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _storing;
    private JobProgress _progress = new();
    private JobProgress _stored = new();

    public JobMonitor(JobClaims claims, JobLogStore logs, RunningAttempt running, TimeSpan lease)
    {
        _claims = claims;
        _logs = logs;
        _running = running;
        _jobId = running.JobId;
        _attempt = running.Attempt;
        _lease = lease;
        _storing = StoreNowAndThenAsync();
    }

    /// <summary>What was last reported.</summary>
    public JobProgress Progress => Volatile.Read(ref _progress);

    public void Report(JobProgress progress) => Volatile.Write(ref _progress, progress);

    public bool WantsStdout => !_stdout.IsFull;

    public void Stdout(string line) => _stdout.Add(line);

    public void Stderr(string line) => _stderr.Add(line);

    public async Task RecordEvidenceAsync(string evidence, CancellationToken cancellationToken)
    {
        Heed(await StoreRetry.RunAsync(token => _claims.RecordEvidenceAsync(_jobId, _attempt, evidence, token), cancellationToken), cancellationToken);
    }

    public async Task ConfirmAsync(CancellationToken cancellationToken)
    {
        Heed(await StoreRetry.RunAsync(token => _claims.ConfirmAsync(_jobId, _attempt, Progress, _lease, token), cancellationToken), cancellationToken);
    }

    /// <summary>A cancel whose announcement was lost, or has not come yet, is heard here at the latest.</summary>
    private void Heed(JobStatus? status, CancellationToken cancellationToken)
    {
        switch (status)
        {
            case null:
                throw new AttemptLostException(_jobId, _attempt);
            case JobStatus.Canceling:
                _running.RequestCancel();
                throw new OperationCanceledException(cancellationToken);
        }
    }

    /// <summary>Stops storing by itself, and stores the rest of the log. The last progress is written with the job's end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _storing;
        try
        {
            await StoreRetry.RunAsync(
                async token =>
                {
                    await StoreWholeLogAsync(JobLogStream.Stdout, _stdout, token);
                    await StoreWholeLogAsync(JobLogStream.Stderr, _stderr, token);
                    return true;
                },
                CancellationToken.None); // a job that has ended must not lose its log because the process is asked to stop
        }
        catch (Exception exception) when (IsNoEnd(exception))
        {
            // Such as when the job's row is gone.
        }
        _ended.Dispose();
    }

    private async Task StoreNowAndThenAsync()
    {
        while (true)
        {
            // Without an exception at its end: most jobs are over before the first round, and one would cost more than they do.
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
        try
        {
            var progress = Progress;
            if (progress != _stored)
            {
                await _claims.SaveProgressAsync(_jobId, _attempt, progress, CancellationToken.None);
                _stored = progress;
            }
            await StoreLogAsync(JobLogStream.Stdout, _stdout, CancellationToken.None);
            await StoreLogAsync(JobLogStream.Stderr, _stderr, CancellationToken.None);
        }
        catch (Exception exception) when (IsNoEnd(exception))
        {
            // The next round tries again; nothing has been dropped.
        }
    }

    /// <summary>No log is worth a job's end, which such an exception would take the place of.</summary>
    private static bool IsNoEnd(Exception exception) => exception is NpgsqlException or InvalidOperationException or TimeoutException or IOException;

    private async Task StoreWholeLogAsync(JobLogStream stream, BoundedLog log, CancellationToken cancellationToken)
    {
        // The last round may have left a piece that it did not hear of, and more has been told since.
        while (await StoreLogAsync(stream, log, cancellationToken))
        {
        }
    }

    /// <returns>Whether there was anything to store.</returns>
    private async Task<bool> StoreLogAsync(JobLogStream stream, BoundedLog log, CancellationToken cancellationToken)
    {
        if (log.Next() is not var (number, lines))
        {
            return false;
        }
        await _logs.AppendAsync(_jobId, _attempt, stream, number, lines, cancellationToken);
        log.Stored();
        return true;
    }
}
