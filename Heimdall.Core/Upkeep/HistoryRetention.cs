using System.Diagnostics;
using Heimdall.Core.Audit;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Schedules;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// Deletes history whose time is over. It works half of the time at most, in steps of about a tenth of a second, so
/// that callers notice little of it.
/// </summary>
internal sealed partial class HistoryRetention(
    JobRetention jobs, ScheduleRunStore runs, IdempotencyStore keys, AuditLog audit, KeyUseStore keyUses,
    HookOutbox messages, SessionRetention sessions,
    LiveCatalog catalog, LivingProcesses processes, UpkeepMetrics metrics, ILogger<HistoryRetention> logger)
{
    private const int LeastAtOnce = 50;
    private const int MostAtOnce = 2000;

    private static readonly TimeSpan ShortStep = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongStep = TimeSpan.FromMilliseconds(150);

    /// <summary>
    /// How soon jobs are looked at again that stayed for now, as because of their results. Before the first of those
    /// there may be millions that a command keeps for ever.
    /// </summary>
    private static readonly TimeSpan PassTime = TimeSpan.FromHours(1);

    /// <summary>How soon all are looked at again: a file may say something else of them than before.</summary>
    private static readonly TimeSpan WholeTime = TimeSpan.FromDays(1);

    private readonly Dictionary<(JobStatus Status, string? Command), Walk> _walks = [];
    private int _atOnce = LeastAtOnce;

    /// <summary>Deletes all whose time is over.</summary>
    public async Task DeleteAsync(CancellationToken cancellationToken)
    {
        var kept = await processes.FindRetentionAsync(cancellationToken);
        var current = catalog.Current;
        var own = current.Commands.Concat(current.RemovedCommands).Where(command => command.Retention is not null)
            .ToArray();
        // First what is soon done: there may be jobs to delete for days.
        Record("browser_session", "sessions of browsers", await sessions.DeleteAsync(cancellationToken));
        if (Find(kept, LivingProcesses.ScheduleRuns) is { } runsKept)
        {
            Record("schedule_run", "runs of schedules", await runs.ForgetAsync(runsKept, cancellationToken));
        }
        if (Find(kept, LivingProcesses.Audit) is { } recordsKept)
        {
            Record("audit", "records of the audit", await audit.ForgetAsync(recordsKept, cancellationToken));
            Record("api_key_use", "last uses of keys", await keyUses.ForgetAsync(recordsKept, cancellationToken));
        }
        if (Find(kept, LivingProcesses.IdempotencyKeys) is { } keysKept)
        {
            Record("idempotency_key", "idempotency keys", await keys.SweepAsync(keysKept, cancellationToken));
        }
        if (Find(kept, LivingProcesses.HookDeliveries) is { } messagesKept)
        {
            Record("hook_delivery", "messages to hooks", await messages.ForgetAsync(messagesKept, cancellationToken));
        }
        foreach (var status in (JobStatus[])
            [JobStatus.Succeeded, JobStatus.Failed, JobStatus.Canceled, JobStatus.Killed])
        {
            if (Find(kept, status.ToName()) is { } jobsKept)
            {
                await DeleteJobsAsync(status, command: null, jobsKept, cancellationToken);
            }
            foreach (var command in own)
            {
                if (command.Retention?.Find(status.ToName()) is { } itsJobsKept)
                {
                    await DeleteJobsAsync(status, command.Id, itsJobsKept, cancellationToken);
                }
            }
        }
    }

    private void Record(string table, string what, long deleted)
    {
        metrics.Deleted(table, deleted);
        if (deleted > 0)
        {
            LogDeleted(deleted, what);
        }
    }

    /// <returns>Null where it is kept for ever, or no file says how long.</returns>
    private static TimeSpan? Find(IReadOnlyDictionary<string, TimeSpan> kept, string name) =>
        kept.TryGetValue(name, out var time) && time != Duration.Forever ? time : null;

    private async Task DeleteJobsAsync(
        JobStatus status, string? command, TimeSpan kept, CancellationToken cancellationToken)
    {
        var walk = WalkOf(status, command, kept);
        var deleted = 0L;
        try
        {
            for (var more = true; more;)
            {
                var asked = _atOnce;
                var begun = Stopwatch.GetTimestamp();
                var hasAnswered = false;
                RetentionStep step;
                try
                {
                    step = await jobs.DeleteAsync(status, command, kept, walk.Position, asked, cancellationToken);
                    hasAnswered = true;
                }
                finally
                {
                    var time = Stopwatch.GetElapsedTime(begun);
                    _atOnce = !hasAnswered || time > LongStep ? Math.Max(asked / 2, LeastAtOnce)
                        : time < ShortStep ? Math.Min(asked * 2, MostAtOnce)
                        : asked;
                }
                walk.Take(step);
                deleted += step.Deleted;
                metrics.Deleted("job", step.Deleted);
                more = step.Looked == asked || step.IsCut;
                if (more)
                {
                    await Task.Delay(Stopwatch.GetElapsedTime(begun), cancellationToken);
                }
            }
        }
        finally
        {
            if (deleted > 0)
            {
                LogJobsDeleted(deleted, status.ToName());
            }
        }
    }

    /// <summary>Where the jobs of a status are looked at next.</summary>
    private Walk WalkOf(JobStatus status, string? command, TimeSpan kept)
    {
        if (!_walks.TryGetValue((status, command), out var walk) || walk.Kept != kept || walk.Age > WholeTime)
        {
            walk = _walks[(status, command)] = new Walk(kept);
        }
        walk.BeginAgainAfter(PassTime);
        return walk;
    }

    [LoggerMessage(LogLevel.Information, "Retention has deleted {Count} jobs that had ended {Status}")]
    private partial void LogJobsDeleted(long count, string status);

    [LoggerMessage(LogLevel.Information, "Retention has deleted {Count} {What}")]
    private partial void LogDeleted(long count, string what);

    /// <summary>
    /// How far the jobs of a status were looked at, of one command or of all that do not say how long.
    /// </summary>
    private sealed class Walk(TimeSpan kept)
    {
        private readonly long _made = Stopwatch.GetTimestamp();
        private long _begun = Stopwatch.GetTimestamp();
        private RetentionPosition? _left;

        public TimeSpan Kept => kept;

        public TimeSpan Age => Stopwatch.GetElapsedTime(_made);

        public RetentionPosition Position { get; private set; } = RetentionPosition.Start;

        public void Take(RetentionStep step)
        {
            Position = step.Position;
            _left ??= step.Left;
        }

        /// <summary>Goes back to the first job that stayed for now, once in a while.</summary>
        public void BeginAgainAfter(TimeSpan time)
        {
            if (Stopwatch.GetElapsedTime(_begun) > time)
            {
                _begun = Stopwatch.GetTimestamp();
                Position = _left?.Before ?? Position;
                _left = null;
            }
        }
    }
}
