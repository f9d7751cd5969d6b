using Heimdall.Core.Queue;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>What people do with schedules. Each change is one transaction, and all processes go by it at once.</summary>
public sealed class ScheduleControl(JobQueue queue, ScheduleFirer firer, ScheduleMirror mirror, TimeProvider clock)
{
    private DateTime Now => clock.GetUtcNow().UtcDateTime;

    /// <summary>Makes a schedule, or gives one other words. One of the file stays the file's: it lives until the file says something else.</summary>
    /// <param name="definition">All of it.</param>
    /// <param name="mayChange">Whether what is there (null: nothing) may be changed.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>The schedule and whether it is new; null when it may not be changed.</returns>
    public async Task<(Schedule Schedule, bool IsNew)?> PutAsync(ScheduleDefinition definition, Predicate<Schedule?> mayChange, CancellationToken cancellationToken)
    {
        (Schedule Schedule, bool IsNew)? put;
        do
        {
            put = null;
            var refused = false;
            await queue.InTransactionAsync(
                async connection =>
                {
                    var was = await ScheduleStore.LockAsync(connection, definition.Id, cancellationToken);
                    refused = !mayChange(was);
                    if (refused)
                    {
                        return false;
                    }
                    var seed = await ScheduleStore.FindSeedAsync(connection, definition.Id, cancellationToken);
                    var written = was is null
                        ? await ScheduleStore.InsertAsync(connection, ScheduleChanges.Create(definition, Now), seed: null, cancellationToken)
                        : await ScheduleStore.UpdateAsync(connection, ScheduleChanges.Redefine(was, definition, Now), seed, cancellationToken);
                    put = written is null ? null : (written, was is null);
                    return written is not null;
                },
                cancellationToken);
            if (refused)
            {
                return null;
            }
        }
        while (put is null); // somebody else has just made one with this id
        mirror.Show(put.Value.Schedule);
        return put;
    }

    /// <summary>Deletes a schedule with its history. Its jobs stay, and those that run go on.</summary>
    /// <param name="id">Of the schedule.</param>
    /// <param name="mayDelete">Whether it may be deleted.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>False when there is none, or it may not be deleted.</returns>
    public async Task<bool> DeleteAsync(string id, Predicate<Schedule> mayDelete, CancellationToken cancellationToken)
    {
        var deleted = await queue.InTransactionAsync(
            async connection =>
            {
                if (await ScheduleStore.LockAsync(connection, id, cancellationToken) is not { } schedule || !mayDelete(schedule))
                {
                    return false;
                }
                await ScheduleStore.DeleteAsync(connection, id, cancellationToken);
                return true;
            },
            cancellationToken);
        if (deleted)
        {
            mirror.Remove(id);
        }
        return deleted;
    }

    /// <summary>Keeps a schedule from firing. What it would have fired meanwhile is passed over; what runs goes on.</summary>
    /// <param name="id">Of the schedule.</param>
    /// <param name="by">The user.</param>
    /// <param name="reason">Why; may be empty.</param>
    /// <param name="until">When it goes on by itself; null: not before somebody resumes it.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>Null when there is no such schedule.</returns>
    public Task<Schedule?> PauseAsync(string id, string by, string reason, DateTime? until, CancellationToken cancellationToken) => ChangeAsync(
        id,
        (connection, schedule) => ScheduleStore.SetPauseAsync(
            connection, ScheduleChanges.Pause(schedule, new SchedulePause(Now, by, reason, until)), cancellationToken),
        cancellationToken);

    /// <summary>Lets a schedule fire again, from now on.</summary>
    /// <returns>Null when there is no such schedule.</returns>
    public Task<Schedule?> ResumeAsync(string id, CancellationToken cancellationToken) => ChangeAsync(
        id,
        async (connection, was) =>
        {
            if (was.Pause is null)
            {
                return was;
            }
            var (schedule, passed) = ScheduleChanges.Resume(was, Now);
            await ScheduleRunStore.WriteAsync(connection, [.. passed.Select(occurrence => ToRun(schedule, occurrence))], cancellationToken);
            return await ScheduleStore.SetPauseAsync(connection, schedule, cancellationToken);
        },
        cancellationToken);

    /// <summary>Asks for a run now.</summary>
    /// <returns>What became of it; null when there is no such schedule.</returns>
    public Task<ScheduleRun?> TriggerAsync(string id, string user, CancellationToken cancellationToken) => firer.TriggerAsync(id, user, cancellationToken);

    private async Task<Schedule?> ChangeAsync(string id, Func<NpgsqlConnection, Schedule, Task<Schedule>> changeAsync, CancellationToken cancellationToken)
    {
        var changed = await queue.InTransactionAsync(
            async connection => await ScheduleStore.LockAsync(connection, id, cancellationToken) is { } schedule
                ? await changeAsync(connection, schedule)
                : null,
            cancellationToken);
        if (changed is not null)
        {
            mirror.Show(changed);
        }
        return changed;
    }

    private ScheduleRun ToRun(Schedule schedule, DueOccurrence passed) => new()
    {
        Id = Guid.CreateVersion7(),
        Schedule = schedule.Id,
        PlannedAt = passed.PlannedAt,
        Outcome = RunOutcome.Skipped,
        Reason = passed.Missed,
        DecidedAt = Now,
    };
}
