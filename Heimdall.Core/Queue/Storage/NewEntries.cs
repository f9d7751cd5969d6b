using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Jobs;
using Npgsql;
using NpgsqlTypes;
using Job = Hangfire.Common.Job;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// The entries of new jobs, made by the statement that writes the jobs' rows. All are alike but for the job's id. None
/// is made, nor any row, where Hangfire's tables are not those that are known here.
/// </summary>
/// <param name="schema">Hangfire's.</param>
/// <param name="queue">The queue of our jobs.</param>
/// <param name="call">What Hangfire calls to run one.</param>
/// <param name="placeholder">The job's id in that call.</param>
internal sealed class NewEntries(string schema, string queue, Job call, Guid placeholder) : INewEntries
{
    private const int First = JobTransitions.SubmitParameters + 1;

    private readonly InvocationData _invocation = InvocationData.SerializeJob(call);

    public string Queue => queue;

    public string SubmitSql { get; } = JobTransitions.Submit(
        $"""
        ,
        drawn as materialized (
            select asked.*, nextval('"{schema}".job_id_seq') as entry_id, nextval('"{schema}".state_id_seq') as state_id
            from asked where (select max(version) from "{schema}".schema) = {EntryStorage.KnownVersion}),
        entry as (
            insert into "{schema}".job (id, stateid, statename, invocationdata, arguments, createdat)
            select entry_id, state_id, ${First}, replace(${First + 1}, ${First + 3}, id::text)::jsonb,
                replace(${First + 2}, ${First + 3}, id::text)::jsonb, now()
            from drawn),
        entry_state as (
            insert into "{schema}".state (id, jobid, name, reason, createdat, data)
            select state_id, entry_id, ${First}, ${First + 4}, now(), ${First + 5}::jsonb from drawn)
        """,
        "drawn", "entry_id::text");

    /// <returns>The entry of a job as it was made. Whether it is still so shows when it is written.</returns>
    public KnownEntry AsMade(Jobs.Job job) => new(
        new Job(call.Type, call.Method, job.Id, CancellationToken.None), EnqueuedState.StateName, job.CreatedAt,
        StateId: null)
    { IsAsMade = true };

    public IEnumerable<NpgsqlParameter> Values()
    {
        var state = new EnqueuedState(queue);
        return
        [
            new() { Value = state.Name },
            new() { Value = SerializationHelper.Serialize(_invocation) },
            new() { Value = _invocation.Arguments },
            new() { Value = placeholder.ToString() },
            new() { Value = (object?)state.Reason ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            new() { Value = SerializationHelper.Serialize(state.SerializeData()) },
        ];
    }
}
