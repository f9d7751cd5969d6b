using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;
using Heimdall.Core.Secrets;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>
/// What people do with schedules, and what the configuration file does. Each change is one transaction, and all processes go by it at once.
/// What was due before a change is decided by what the schedule said then, in the same transaction.
/// </summary>
public sealed class ScheduleControl(JobQueue queue, ScheduleFirer firer, ScheduleMirror mirror, SecretBox box)
{
    private const int CreatedAtOnce = 500;

    /// <summary>Makes a schedule, or gives one other words. One of the file stays the file's: it lives until the file says something else.</summary>
    /// <param name="definition">All of it, by the user who says so. One that is there keeps its owner.</param>
    /// <param name="scopes">Where that user may run jobs; null: everywhere.</param>
    /// <param name="mayChange">Whether what is there (null: nothing) may be changed.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>The schedule and whether it is new; null when it may not be changed.</returns>
    public async Task<(Schedule Schedule, bool IsNew)?> PutAsync(
        ScheduleDefinition definition, IReadOnlyList<TagScope>? scopes, Predicate<Schedule?> mayChange,
        CancellationToken cancellationToken)
    {
        ScheduleEdit? Edit(Schedule? was) => mayChange(was)
            ? new(
                definition with { User = was?.Definition.User ?? definition.User }, was?.Seed, definition.User, scopes)
            : null;
        return await WriteAsync(definition.Id, Edit, cancellationToken) is var (schedule, was)
            ? (schedule, was is null)
            : null;
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
                if (await ScheduleStore.LockAsync(connection, id, cancellationToken) is not { Schedule: { } schedule }
                    || !mayDelete(schedule))
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

    /// <summary>
    /// Keeps a schedule from firing: what would be due meanwhile is passed over, what waits for its turn goes on waiting, what runs goes on.
    /// </summary>
    /// <param name="id">Of the schedule.</param>
    /// <param name="by">The user.</param>
    /// <param name="reason">Why; may be empty.</param>
    /// <param name="until">When it goes on by itself; null: not before somebody resumes it.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>Null when there is no such schedule.</returns>
    public Task<Schedule?> PauseAsync(string id, string by, string reason, DateTime? until, CancellationToken cancellationToken) => ChangeAsync(
        id,
        (connection, schedule, now) => ScheduleStore.SetPauseAsync(
            connection, ScheduleChanges.Pause(schedule, new SchedulePause(now, by, reason, until)), cancellationToken),
        cancellationToken);

    /// <summary>Lets a schedule fire again, from now on.</summary>
    /// <returns>Null when there is no such schedule.</returns>
    public Task<Schedule?> ResumeAsync(string id, CancellationToken cancellationToken) => ChangeAsync(
        id,
        async (connection, was, now) =>
        {
            if (was.Pause is null)
            {
                return was;
            }
            var (schedule, passed) = ScheduleChanges.Resume(was, now);
            await ScheduleRunStore.WriteAsync(connection, [.. passed.Select(occurrence => ScheduleRun.Skipped(schedule.Id, occurrence, now))], cancellationToken);
            return await ScheduleStore.SetPauseAsync(connection, schedule, cancellationToken);
        },
        cancellationToken);

    /// <summary>Asks for a run now.</summary>
    /// <returns>What became of it; null when there is no such schedule.</returns>
    public async Task<ScheduleRun?> TriggerAsync(string id, string user, CancellationToken cancellationToken) =>
        (await TriggerAsync(id, new RunRequest(user, Key: null), cancellationToken))?.Run;

    /// <summary>The same for a wish that may be told twice.</summary>
    public Task<RequestedRun?> TriggerAsync(string id, RunRequest request, CancellationToken cancellationToken) =>
        firer.TriggerAsync(id, request, cancellationToken);

    /// <summary>Makes a schedule what the file says, if that is something else than when it last seeded it.</summary>
    /// <param name="definition">What the file says.</param>
    /// <param name="seed">The same in short.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>What it was and is, null where it is left as it is.</returns>
    internal Task<(Schedule Schedule, Schedule? Was)?> SeedAsync(ScheduleDefinition definition, string seed, CancellationToken cancellationToken) =>
        WriteAsync(
            definition.Id,
            was => was is null || was.Seed != seed
                ? new ScheduleEdit(definition, seed, EditedBy: null, Scopes: null)
                : null,
            cancellationToken);

    /// <summary>Makes schedules that are not there, many in one transaction.</summary>
    internal async Task CreateAllAsync(
        IReadOnlyList<(ScheduleDefinition Definition, string Seed)> seeded, CancellationToken cancellationToken)
    {
        foreach (var some in seeded.Chunk(CreatedAtOnce))
        {
            await queue.InTransactionAsync(
                async connection =>
                {
                    var now = await ScheduleStore.ReadClockAsync(connection, cancellationToken);
                    await ScheduleStore.InsertAllAsync(
                        connection,
                        some.Select(one => ScheduleChanges.Create(one.Definition, now) with
                        {
                            Seed = one.Seed,
                            SealedSecrets = Seal(one.Definition),
                        }),
                        cancellationToken);
                    return true;
                },
                cancellationToken);
        }
    }

    /// <summary>Takes out a schedule that has left the file. What was due before is fired; what waits for its turn is given up.</summary>
    /// <returns>False when it is not the file's.</returns>
    internal async Task<bool> TakeOutAsync(string id, CancellationToken cancellationToken)
    {
        while (true)
        {
            var settled = await queue.InTransactionAsync(
                async connection =>
                {
                    if (await ScheduleStore.LockAsync(connection, id, cancellationToken) is not
                        { Schedule: { IsFromFile: true } schedule, Now: var now })
                    {
                        return null;
                    }
                    var settled = await firer.SettleAsync(connection, schedule, now, cancellationToken);
                    if (!settled.HasMore)
                    {
                        await ScheduleStore.TakeOutAsync(connection, id, settled.At, cancellationToken);
                    }
                    return settled;
                },
                cancellationToken);
            if (settled is null)
            {
                return false;
            }
            await firer.FollowUpAsync(settled with { InTheWay = [], MirrorIsOld = false }, cancellationToken);
            if (!settled.HasMore)
            {
                mirror.Remove(id);
                return true;
            }
        }
    }

    /// <summary>Brings back a schedule that had left the file.</summary>
    /// <param name="id">Of the schedule.</param>
    /// <param name="skipsPassed">
    /// Whether what was due meanwhile is skipped. Else it is what is late, and the schedule says what becomes of it.
    /// </param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>False when it had not.</returns>
    internal Task<bool> BringBackAsync(
        string id, bool skipsPassed, CancellationToken cancellationToken) => queue.InTransactionAsync(
        async connection =>
        {
            if (await ScheduleStore.BringBackAsync(connection, id, cancellationToken) is not
                { Schedule: { } schedule, Now: var now })
            {
                return false;
            }
            if (skipsPassed)
            {
                (schedule, var passed) =
                    ScheduleChanges.PassOver(schedule, now, "Its schedule had left the configuration file.");
                await ScheduleRunStore.WriteAsync(
                    connection, [.. passed.Select(occurrence => ScheduleRun.Skipped(id, occurrence, now))],
                    cancellationToken);
            }
            await ScheduleStore.AdvanceAsync(connection, schedule.WithNext(), cancellationToken);
            return true;
        },
        cancellationToken);

    /// <param name="id">Of the schedule.</param>
    /// <param name="edit">What it is to say, by what is there (null: nothing); null when it may not change.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>What it is and was; null when it may not be changed.</returns>
    private async Task<(Schedule Schedule, Schedule? Was)?> WriteAsync(
        string id, Func<Schedule?, ScheduleEdit?> edit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var mayChange = true;
            Schedule? was = null;
            Schedule? written = null;
            Firing? settled = null;
            await queue.InTransactionAsync(
                async connection =>
                {
                    (was, var now) = await ScheduleStore.LockAsync(connection, id, cancellationToken);
                    if (edit(was) is not { Definition: var definition } edited)
                    {
                        mayChange = false;
                        return false;
                    }
                    if (was is null)
                    {
                        var created = edited.MarkOn(ScheduleChanges.Create(definition, now)) with
                        {
                            SealedSecrets = Seal(definition),
                        };
                        written = await ScheduleStore.InsertAsync(connection, created, cancellationToken);
                        return written is not null; // else somebody has just made one with this id
                    }
                    var schedule = was;
                    if (!definition.HasTimesOf(was.Definition))
                    {
                        settled = await firer.SettleAsync(connection, was, now, cancellationToken);
                        if (settled.HasMore)
                        {
                            return true;
                        }
                        schedule = await PassOverAsync(connection, settled.Schedule, now, cancellationToken);
                    }
                    var redefined = edited.MarkOn(ScheduleChanges.Redefine(schedule, definition, now)) with
                    {
                        SealedSecrets = Seal(definition),
                    };
                    written = await ScheduleStore.UpdateAsync(connection, redefined, cancellationToken);
                    return true;
                },
                cancellationToken);
            if (!mayChange)
            {
                return null;
            }
            if (settled is not null)
            {
                await firer.FollowUpAsync(settled, cancellationToken);
            }
            if (written is not null)
            {
                mirror.Show(written);
                return (written, was);
            }
        }
    }

    private async Task<Schedule?> ChangeAsync(string id, Func<NpgsqlConnection, Schedule, DateTime, Task<Schedule>> changeAsync, CancellationToken cancellationToken)
    {
        while (true)
        {
            Schedule? changed = null;
            var settled = await queue.InTransactionAsync(
                async connection =>
                {
                    if (await ScheduleStore.LockAsync(connection, id, cancellationToken) is not
                        { Schedule: { } was, Now: var now })
                    {
                        return null;
                    }
                    var settled = await firer.SettleAsync(connection, was, now, cancellationToken);
                    changed = settled.HasMore ? null : await changeAsync(connection, settled.Schedule, settled.At);
                    return settled;
                },
                cancellationToken);
            if (settled is null)
            {
                return null;
            }
            // A run that would replace a job is held by a pause, and the job stays.
            var isPaused = changed?.Pause is not null;
            await firer.FollowUpAsync(isPaused ? settled with { InTheWay = [] } : settled, cancellationToken);
            if (changed is not null)
            {
                mirror.Show(changed);
                return changed;
            }
        }
    }

    /// <summary>Of a schedule that is paused, records what the pause has passed over so far.</summary>
    private static async Task<Schedule> PassOverAsync(NpgsqlConnection connection, Schedule paused, DateTime now, CancellationToken cancellationToken)
    {
        if (paused.Pause is null)
        {
            return paused;
        }
        var (schedule, passed) = ScheduleChanges.PassOver(paused, now, ScheduleChanges.ReasonOf(paused.Pause));
        await ScheduleRunStore.WriteAsync(connection, [.. passed.Select(occurrence => ScheduleRun.Skipped(schedule.Id, occurrence, now))], cancellationToken);
        return schedule;
    }

    private SealedText? Seal(ScheduleDefinition definition) => definition.Secrets is { } secrets
        ? box.Seal(Schedule.OwnerOfSecrets(definition.Id), secrets.ToJson())
        : null;

    /// <summary>What a schedule is to say, and who says so.</summary>
    private sealed record ScheduleEdit(
        ScheduleDefinition Definition, string? Seed, string? EditedBy, IReadOnlyList<TagScope>? Scopes)
    {
        public Schedule MarkOn(Schedule schedule) =>
            schedule with { Seed = Seed, EditedBy = EditedBy, Scopes = Scopes };
    }
}
