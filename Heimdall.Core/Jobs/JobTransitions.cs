namespace Heimdall.Core.Jobs;

/// <summary>
/// Every change of a job's status, in the order of the picture in ARCHITECTURE.md. Each is one conditional statement.
/// It names the status that it leaves and, once a job has been started, the attempt.
/// </summary>
internal static class JobTransitions
{
    /// <summary>Channel on which a request to cancel a running job is announced; the payload is the job's id.</summary>
    public const string CancelChannel = "heimdall_cancel";

    // IS TRUE keeps the planner from the index of open jobs: it looks small, and is full of those that have just ended.
    internal const string IsRunning = "(job.status in ('RUNNING', 'CANCELING')) is true";

    /// <summary>One that was handed back had been started in time.</summary>
    internal const string StartIsTooLate =
        "(start_before is not null and start_before <= now() and started_at is null)";

    private const string LostDetail = "Its worker stopped renewing its lease.";

    private const string RunsQueued = "status in ('RUNNING', 'CANCELING') and not is_sync";

    private const string IsPaused = "select from pause where (until is null or until > now()) and";

    private const string InsertInline = """
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, attempt,
            created_at, started_at, worker, lease_until, traceparent)
        select id, name, version, description, tags::text[], "user", 'RUNNING', true, true,
            command_id, command_name, cluster_id, cluster_name, command_criteria::text[], cluster_criteria::text[],
            context::json, 1, coalesce(created_at, now()), coalesce(created_at, now()), worker, now() + lease,
            traceparent
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as begun (
            id, name, version, description, tags, "user", command_id, command_name, cluster_id, cluster_name,
            command_criteria, cluster_criteria, context, created_at, worker, lease, traceparent)
        """;

    /// <summary>How many parameters <see cref="Submit"/> has for the jobs.</summary>
    internal const int SubmitParameters = 29;

    /// <summary>Jobs are submitted: → ACCEPTED.</summary>
    /// <param name="with">
    /// Further parts of the statement, each with a comma before it. They may read the jobs in <c>asked</c>.
    /// </param>
    /// <param name="from">Where the jobs are read then, with all columns of <c>asked</c>.</param>
    /// <param name="queueId">The id of Hangfire's entry, in terms of those columns.</param>
    internal static string Submit(string with, string from, string queueId) => $"""
        with asked as materialized (
            select * from unnest(
                $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24, $25, $26, $27, $28, $29) with ordinality as asked (
                id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, context, queue_id, retry_of,
                from_statement, script_sha256, start_before, schedule, planned_at, priority, start_after, after,
                traceparent, parent_id, is_held, place)
            order by place){with},
        submitted as (
            insert into job (id, name, version, description, tags, "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
                queue_id, retry_of, from_statement, script_sha256, start_before, schedule, planned_at, priority,
                start_after, after, traceparent, parent_id, retry_at)
            select id, name, version, description, tags::text[], "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria::text[], cluster_criteria::text[],
                context::json, {queueId}, retry_of, from_statement, script_sha256, start_before, schedule,
                planned_at, priority, start_after, after::jsonb, traceparent, parent_id,
                case when after is not null or is_held then 'infinity' when start_after > now() then start_after end
            from {from}
            returning id)
        select now(), count(*) from submitted
        """;

    /// <summary>A parent is submitted, whose children follow: → RUNNING. Nobody runs it.</summary>
    internal const string SubmitParent = """
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
            retry_of, start_before, schedule, planned_at, priority, start_after, after, traceparent, fan_out,
            started_at, lease_until)
        values ($1, $2, $3, $4, $5, $6, 'RUNNING', true, $7, $8, $9, '', '', $10, $11, $12, $13, $14, $15, $16, $17,
            $18, $19::jsonb, $20, $21::jsonb, now(), 'infinity')
        """;

    /// <summary>An inline query begins: → RUNNING.</summary>
    internal const string BeginInline = $"{InsertInline} returning 'begun', id, created_at, null::text, null::text";

    /// <summary>The same once more, for a record that may have been lost.</summary>
    internal const string RestoreInline =
        $"{InsertInline} on conflict (id) do nothing returning 'begun', id, created_at, null::text, null::text";

    // A lane is open while its cluster and its command have room and are not paused. Of each open lane the first few
    // jobs are read, in their order. Of each caller the first comes before the second of any other; callers come in the
    // order of their turns. Only what is taken is locked, and what another process is taking is passed over: the next
    // in line is taken instead.
    /// <summary>Jobs are claimed: ACCEPTED → RUNNING, with the next attempt.</summary>
    internal const string ClaimWaiting = $"""
        with asked as (
            select * from unnest($1::text[], $2::text[], $3::text[], $4::int[]) with ordinality
                as asked ("user", cluster_id, command_id, turn, number)),
        cluster_room as materialized (
            select ids.id, cluster.max_concurrency - running.jobs as room,
                exists ({IsPaused} scope = 'queue')
                    or exists ({IsPaused} scope = 'cluster' and target = ids.id) as is_paused
            from (select distinct cluster_id as id from asked) ids
                left join cluster on cluster.id = ids.id
                left join lateral (select count(*) as jobs from job where cluster_id = ids.id and {RunsQueued}) running
                    on cluster.max_concurrency is not null),
        command_room as materialized (
            select ids.id, command.max_concurrency - running.jobs as room,
                exists ({IsPaused} scope = 'command' and target = ids.id) as is_paused
            from (select distinct command_id as id from asked) ids
                left join command on command.id = ids.id
                left join lateral (select count(*) as jobs from job where command_id = ids.id and {RunsQueued}) running
                    on command.max_concurrency is not null),
        lane as materialized (
            select asked.*, cluster_room.room as cluster_room, command_room.room as command_room,
                coalesce(cluster_room.room, 1) > 0 and coalesce(command_room.room, 1) > 0
                    and not cluster_room.is_paused and not command_room.is_paused as is_open
            from asked
                join cluster_room on cluster_room.id = asked.cluster_id
                join command_room on command_room.id = asked.command_id),
        candidate as materialized (
            select * from (
                select waiting.id, lane.*,
                    row_number() over (partition by lane.turn order by waiting.priority desc, waiting.id) as place
                from lane cross join lateral (
                    select id, priority from job
                    where "user" = lane."user" and cluster_id = lane.cluster_id and command_id = lane.command_id
                        and status = 'ACCEPTED' and retry_at is null and not {StartIsTooLate}
                    order by retry_at nulls first, priority desc, id limit $5) waiting
                where lane.is_open) placed
            where place <= $5),
        fitting as materialized (
            select id, place, turn from (
                select *,
                    row_number() over (partition by cluster_id order by place, turn) as in_cluster,
                    row_number() over (partition by command_id order by place, turn) as in_command
                from candidate) numbered
            where in_cluster <= coalesce(cluster_room, in_cluster) and in_command <= coalesce(command_room, in_command)
            order by place, turn limit 2 * $6 + 8),
        chosen as materialized (
            select job.id from fitting cross join lateral (
                -- Found by its id: without "limit" the planner may read all that wait (job_line) for each of them.
                select id from (
                    select id, status, retry_at from job
                    where id = fitting.id limit 1 for no key update skip locked) found
                where status = 'ACCEPTED' and retry_at is null) job
            limit $6), -- one after the other, in the order of "fitting": what is not taken is not locked
        claimed as (
            update job set status = 'RUNNING', attempt = attempt + 1, worker = $7, lease_until = now() + $8,
                started_at = coalesce(started_at, now()), updated_at = now()
            where id in (select id from chosen)
            returning {JobRow.Columns}),
        recorded as (insert into job_attempt (job_id, attempt, worker) select id, attempt, $7 from claimed)
        select claimed.*, seen, coalesce(closed, '{"{}"}')
        from (select count(*) as seen from candidate) candidates
            cross join (select array_agg(number::int) filter (where not is_open) as closed from lane) lanes
            left join claimed on true
        """;

    /// <summary>Queued jobs whose leases have expired are taken over: the next attempt, in the same status.</summary>
    internal static readonly string TakeOver = $"""
        with abandoned as materialized (
            select id from job
            where status in ('RUNNING', 'CANCELING') and not is_sync and {LeaseIsOver("$2")}
                and cluster_id = any($4) and command_id = any($5) and id <> all($6)
                and not exists ({IsPaused} scope = 'queue')
                and not exists ({IsPaused} scope = 'cluster' and target = cluster_id)
                and not exists ({IsPaused} scope = 'command' and target = command_id)
            order by lease_until limit $3 for no key update skip locked),
        claimed as (
            update job set attempt = attempt + 1, worker = $1, lease_until = now() + $2, updated_at = now()
            where id in (select id from abandoned)
            returning {JobRow.Columns}),
        ended as (
            update job_attempt set finished_at = now(), outcome = '{JobAttempt.Lost}', detail = '{LostDetail}'
            from claimed
            where job_attempt.job_id = claimed.id and job_attempt.attempt = claimed.attempt - 1 and outcome is null),
        recorded as (insert into job_attempt (job_id, attempt, worker) select id, attempt, $1 from claimed)
        select * from claimed
        """;

    /// <summary>The same of one inline query.</summary>
    internal static readonly string TakeOverInline = $"""
        with claimed as (
            update job set attempt = attempt + 1, worker = $3, lease_until = now() + $4, updated_at = now()
            where id = $1 and attempt = $2 and status in ('RUNNING', 'CANCELING') and {LeaseIsOver("$4")}
            returning {JobRow.Columns}),
        ended as (
            -- The first attempt of an inline query has no row of its own.
            insert into job_attempt (job_id, attempt, worker, started_at, finished_at, outcome, detail)
            select was.id, $2, coalesce(was.worker, ''), was.started_at, now(), 'LOST', '{LostDetail}'
            from job was where was.id = (select id from claimed)
            on conflict (job_id, attempt) do update set finished_at = now(), outcome = 'LOST', detail = '{LostDetail}'
            where job_attempt.outcome is null),
        recorded as (insert into job_attempt (job_id, attempt, worker) select id, attempt, $3 from claimed)
        select * from claimed
        """;

    private const string NotBegunDetail = "It had not begun.";

    // Of a job that was taken over an earlier attempt may have taken effect: it does not wait, but can be taken over at
    // once.
    /// <summary>A claimed job has not begun, and waits again: RUNNING → ACCEPTED.</summary>
    internal const string Return = $"""
        with returned as (
            update job set status = case when status = 'RUNNING' and not $3 then 'ACCEPTED' else status end,
                lease_until = case when status = 'RUNNING' and not $3 then null else now() end,
                started_at = case when exists (
                    select from job_attempt earlier
                    where earlier.job_id = $1 and earlier.attempt < $2
                        and earlier.detail is distinct from '{NotBegunDetail}') then started_at end,
                worker = null, updated_at = now()
            where id = $1 and attempt = $2 and status in ('RUNNING', 'CANCELING')
            returning id)
        update job_attempt set finished_at = now(), outcome = '{JobAttempt.HandedBack}', detail = '{NotBegunDetail}'
        where job_id = (select id from returned) and attempt = $2
        """;

    /// <summary>An attempt gives its job back: RUNNING → ACCEPTED.</summary>
    internal const string HandBack = $"""
        with handed as (
            update job set
                status = case when status = 'RUNNING' and $4 is null then 'ACCEPTED' else status end,
                lease_until = case
                    when status = 'RUNNING' and $4 is null then null else now() + coalesce($4, interval '0') end,
                worker = null, updated_at = now()
            where id = $1 and attempt = $2 and status in ('RUNNING', 'CANCELING')
            returning id)
        update job_attempt set finished_at = now(), outcome = '{JobAttempt.HandedBack}', detail = $3
        where job_id = (select id from handed) and attempt = $2
        """;

    // What the attempt has done is undone, or will be done over: it is no progress of the job.
    /// <summary>A failed attempt is followed by another: RUNNING → ACCEPTED.</summary>
    internal const string TryAgain = """
        with waiting as (
            update job set status = 'ACCEPTED', worker = null, lease_until = null, retry_at = now() + $3,
                updated_at = now(), statements = null, statements_total = null, bytes_read = null, bytes_total = null,
                rows_affected = null, row_count = null, truncated = null, errors = null, resume_from = null
            where id = $1 and attempt = $2 and status = 'RUNNING'
            returning id)
        update job_attempt set finished_at = now(), outcome = 'FAILED', error = $4, sqlstate = $5, detail = $6
        where job_id = (select id from waiting) and attempt = $2
        """;

    /// <summary>Attempts end, and their jobs: RUNNING, CANCELING → SUCCEEDED, FAILED, CANCELED, KILLED.</summary>
    internal const string End = $"""
        with ended as (
            select * from unnest(
                $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                $22, $23
                ) as ended (
                id, attempt, status, error, error_kind, statements, statements_total, bytes_read, bytes_total,
                rows_affected, row_count, truncated, sha256, errors, resume_from, files, can_resume, sqlstate, detail,
                stored_by, stored_rows, stored_truncated, retention)),
        settled as (
            update job set status = ended.status, error = ended.error, error_kind = ended.error_kind,
                statements = ended.statements, statements_total = ended.statements_total,
                bytes_read = ended.bytes_read, bytes_total = ended.bytes_total, rows_affected = ended.rows_affected,
                row_count = ended.row_count, truncated = ended.truncated, sha256 = ended.sha256,
                errors = ended.errors::json, resume_from = ended.resume_from, files = ended.files::json,
                can_resume = ended.can_resume, finished_at = now(), updated_at = now(), lease_until = null
            from ended where job.id = ended.id and job.attempt = ended.attempt and {IsRunning}
            returning job.id, job.attempt, job.finished_at, job.canceled_by, ended.status, ended.error,
                ended.sqlstate, ended.detail, ended.stored_by, ended.stored_rows, ended.stored_truncated,
                ended.retention),
        attempts as (
            update job_attempt set finished_at = settled.finished_at, outcome = settled.status, error = settled.error,
                sqlstate = settled.sqlstate, detail = settled.detail
            from settled where job_attempt.job_id = settled.id and job_attempt.attempt = settled.attempt),
        results as (
            update job_result set row_count = settled.stored_rows, truncated = settled.stored_truncated,
                complete = true, expires_at = now() + settled.retention
            from settled
            where job_result.job_id = settled.id and job_result.attempt = settled.stored_by)
        select 'ended', id, finished_at, canceled_by, null::text from settled
        """;

    /// <summary>The same of the first attempts of inline queries, which have no records of their own.</summary>
    internal const string EndInline = $"""
        update job set status = ended.status, error = ended.error, error_kind = ended.error_kind,
            errors = ended.errors::json, rows_affected = ended.rows_affected, row_count = ended.row_count,
            truncated = ended.truncated, lease_until = null,
            finished_at = coalesce(ended.finished_at, now()), updated_at = coalesce(ended.finished_at, now())
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as ended (
            id, attempt, status, error, error_kind, errors, rows_affected, row_count, truncated, finished_at)
        where job.id = ended.id and job.attempt = ended.attempt and {IsRunning}
        returning 'ended', job.id, job.finished_at, job.canceled_by, null::text
        """;

    // Parents come before their children, as in every statement that locks both.
    /// <summary>Somebody cancels a job, with its children: ACCEPTED → CANCELED, RUNNING → CANCELING.</summary>
    internal const string Cancel = $"""
        with open as (
            select id, status as was from job
            where (id = $1 or parent_id = $1) and status in ('ACCEPTED', 'RUNNING') and ($3 is null or queue_id = $3)
            order by id for update),
        canceled as (
            update job set
                status = case open.was when 'ACCEPTED' then 'CANCELED' else 'CANCELING' end,
                finished_at = case open.was when 'ACCEPTED' then now() end,
                canceled_by = $2, updated_at = now()
            from open where job.id = open.id
            returning job.id, open.was),
        unshown as (
            insert into queue_unshown select id from canceled where was = 'ACCEPTED' on conflict do nothing)
        select id, was, case when was = 'RUNNING' then pg_notify('{CancelChannel}', id::text) end from canceled
        """;

    /// <summary>A condition: some job was not started in time.</summary>
    internal const string HasLate = $"exists (select from job where status = 'ACCEPTED' and {StartIsTooLate})";

    /// <summary>Jobs were not started in time: ACCEPTED → KILLED.</summary>
    internal const string Expire = $"""
        with expired as (
            update job set status = 'KILLED', error_kind = 'TimedOut', finished_at = now(), updated_at = now(),
                error = 'Not started by ' || to_char(start_before at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                    || ', its start_before. It never ran.'
            where id in (
                select id from job where status = 'ACCEPTED' and {StartIsTooLate}
                order by start_before limit 100 for update skip locked)
            returning {JobRow.Columns}),
        unshown as (insert into queue_unshown select id from expired on conflict do nothing)
        select * from expired
        """;

    /// <summary>A condition: the end of some predecessor is recorded and not acted upon.</summary>
    internal const string HasEndedPredecessor = "exists (select from job_predecessor where ended_as is not null)";

    // Rows that are not marked yet are left alone: a transaction that ends their predecessor may hold them. So are
    // conditions that only a newer version knows: its workers resolve them.
    /// <summary>Predecessors have ended: ACCEPTED → CANCELED where a condition can no longer come true.</summary>
    internal static readonly string ResolvePredecessors = $"""
        with marked as materialized (
            select job_id, predecessor_id, wanted, ended_as,
                wanted = 'ended' or wanted = 'succeeded' and ended_as = 'SUCCEEDED'
                    or wanted = 'failed' and ended_as in ('FAILED', 'KILLED') as is_met
            from job_predecessor
            where ended_as is not null and wanted in ('succeeded', 'failed', 'ended') order by job_id limit 1000),
        waiting as materialized (
            select id from job
            where id in (select job_id from marked) and status = 'ACCEPTED' order by id for no key update),
        unmet as materialized (
            select distinct on (job_id) * from marked where not is_met order by job_id, predecessor_id),
        canceled as (
            update job set status = 'CANCELED', finished_at = now(), updated_at = now(), error_kind = 'Refused', error =
                'It never ran: it was to start after job ' || predecessor_id || ' has ' || wanted || ', and that job '
                || case ended_as when 'GONE' then 'does not exist any more' else 'ended ' || ended_as end || '.'
            from unmet where job.id = unmet.job_id and job.id in (select id from waiting)
            returning job.id),
        unshown as (insert into queue_unshown select id from canceled on conflict do nothing),
        released as (
            update job set retry_at = case when start_after > now() then start_after end, updated_at = now()
            where id in (select id from waiting) and id not in (select job_id from unmet)
                and not exists (
                    select from job_predecessor other where other.job_id = job.id
                        and not exists (
                            select from marked
                            where marked.job_id = other.job_id and marked.predecessor_id = other.predecessor_id))
            returning json_build_array("user", cluster_id, command_id)::text as lane, retry_at),
        gone as (
            delete from job_predecessor row using marked
            where row.job_id = marked.job_id and row.predecessor_id = marked.predecessor_id),
        announced as (
            select pg_notify(
                '{JobLane.Channel}', case when octet_length(lane) < {JobLane.LongestPayload} then lane else '' end)
            from released where retry_at is null)
        select id, (select count(*) from marked), (select count(*) from announced) from canceled
        union all select null, (select count(*) from marked), (select count(*) from announced)
        """;

    /// <summary>Children that have not begun are not to run any more: ACCEPTED → CANCELED.</summary>
    internal const string StopChildren = """
        with stopped as (
            update job set status = 'CANCELED', finished_at = now(), updated_at = now(), error_kind = 'Refused',
                error = $2
            where id in (
                select id from job where id = any($1) and status = 'ACCEPTED' and started_at is null
                order by id for no key update)
            returning id),
        unshown as (insert into queue_unshown select id from stopped on conflict do nothing)
        select id from stopped
        """;

    // One that waits for other jobs too is let into the line when these have ended.
    /// <summary>The turn of children has come: they get in line.</summary>
    internal static readonly string ReleaseChildren = $"""
        with waiting as materialized (
            select id from job where id = any($1) and status = 'ACCEPTED' order by id for no key update),
        gone as (delete from job_predecessor where predecessor_id = $2 and job_id in (select id from waiting)),
        released as (
            update job set retry_at = case when start_after > now() then start_after end, updated_at = now()
            where id in (select id from waiting)
                and not exists (
                    select from job_predecessor other where other.job_id = job.id and other.predecessor_id <> $2)
            returning json_build_array("user", cluster_id, command_id)::text as lane, retry_at)
        select pg_notify(
            '{JobLane.Channel}', case when octet_length(lane) < {JobLane.LongestPayload} then lane else '' end)
        from released where retry_at is null
        """;

    /// <summary>Children have ended, and after the last one their parent: RUNNING, CANCELING → as they have.</summary>
    internal const string AdvanceParent = """
        update job set status = coalesce($2, status), finished_at = case when $2 is not null then now() end,
            updated_at = now(), fan_out = fan_out || $3::jsonb, error = $4, error_kind = $5, errors = $6,
            statements = $7, rows_affected = $8, row_count = $9, truncated = $10
        where id = $1 and status in ('RUNNING', 'CANCELING')
        """;

    /// <summary>
    /// While the store was down nobody could renew a lease. So each has a whole lease from the store's start on, the
    /// longest of all processes: the one that runs the job may have another than the one that asks.
    /// </summary>
    internal static string LeaseIsOver(string lease) =>
        "greatest(lease_until, "
        + $"pg_postmaster_start_time() + greatest({lease}, (select max(worker.lease) from worker))) < now()";
}
