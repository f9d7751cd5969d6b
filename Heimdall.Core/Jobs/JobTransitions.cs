namespace Heimdall.Core.Jobs;

/// <summary>
/// Every change of a job's status, in the order of the picture in ARCHITECTURE.md. Each is one conditional statement.
/// It names the status that it leaves and, once a job has been started, the attempt.
/// </summary>
internal static class JobTransitions
{
    /// <summary>Channel on which a request to cancel a running job is announced; the payload is the job's id.</summary>
    public const string CancelChannel = "heimdall_cancel";

    /// <summary>Channel on which it is announced that a predecessor has ended.</summary>
    public const string PredecessorChannel = "heimdall_predecessor";

    // IS TRUE keeps the planner from the index of open jobs: it looks small, and is full of those that have just ended.
    internal const string IsRunning = "(job.status in ('RUNNING', 'CANCELING')) is true";

    /// <summary>One that was handed back had been started in time.</summary>
    internal const string StartIsTooLate =
        "(start_before is not null and start_before <= now() and started_at is null)";

    private const string LostDetail = "Its worker stopped renewing its lease.";

    /// <summary>Of a parent that never began: its children have all ended as it has.</summary>
    private const string AllCanceled = "fan_out || jsonb_build_object('canceled', fan_out -> 'total')";

    private const string RunsQueued = "status in ('RUNNING', 'CANCELING') and not is_sync";

    // The parent comes before its children, as in a cancel. Of one whose time is over only the keeper writes the end.
    private const string OpenApproval = """
        select id, parent_id, "user" as owner, approval -> 'asked_by' as asked_by from job
        where (id = $1 or parent_id = $1) and status = 'WAITING_FOR_APPROVAL' and approve_by > now()
        order by id for update
        """;

    // A proxy may pass on names as somebody has typed them.
    /// <summary>Nobody decides who has a hand in the job. Children are decided on with their parent.</summary>
    private const string MayDecide = """
        exists (select from open root where root.id = $1 and root.parent_id is null
            and lower(root.owner) <> lower($2)
            and not exists (
                select from jsonb_array_elements_text(root.asked_by) asker where lower(asker) = lower($2)))
        """;

    private const string IsPaused = "select from pause where (until is null or until > now()) and";

    /// <summary>When it is too late to approve a new job; null where nobody has to.</summary>
    private static string ApproveBy(string expires) =>
        $"least(now() + {expires}, case when {expires} is not null then start_before end)";

    private const string InsertInline = """
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, attempt,
            created_at, started_at, worker, lease_until, traceparent, knows_approval)
        select id, name, version, description, tags::text[], "user", 'RUNNING', true, true,
            command_id, command_name, cluster_id, cluster_name, command_criteria::text[], cluster_criteria::text[],
            context::json, 1, coalesce(created_at, now()), coalesce(created_at, now()), worker, now() + lease,
            traceparent, true
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as begun (
            id, name, version, description, tags, "user", command_id, command_name, cluster_id, cluster_name,
            command_criteria, cluster_criteria, context, created_at, worker, lease, traceparent)
        """;

    /// <summary>How many parameters <see cref="Submit"/> has for the jobs.</summary>
    internal const int SubmitParameters = 32;

    /// <summary>
    /// Jobs are submitted: → ACCEPTED, or → WAITING_FOR_APPROVAL. Which of both is in <c>asked</c>.
    /// </summary>
    /// <param name="with">
    /// Further parts of the statement, each with a comma before it. They may read the jobs in <c>asked</c>.
    /// </param>
    /// <param name="from">Where the jobs are read then, with all columns of <c>asked</c>.</param>
    /// <param name="queueId">The id of Hangfire's entry, in terms of those columns.</param>
    internal static string Submit(string with, string from, string queueId) => $"""
        with asked as materialized (
            select * from unnest(
                $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) with ordinality as asked (
                id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, context, queue_id, retry_of,
                from_statement, script_sha256, start_before, schedule, planned_at, priority, start_after, after,
                traceparent, parent_id, is_held, approval, approval_expires, secrets, place)
            order by place){with},
        submitted as (
            insert into job (id, name, version, description, tags, "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
                queue_id, retry_of, from_statement, script_sha256, start_before, schedule, planned_at, priority,
                start_after, after, traceparent, parent_id, retry_at, approval, approve_by, knows_approval, secrets)
            select id, name, version, description, tags::text[], "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria::text[], cluster_criteria::text[],
                context::json, {queueId}, retry_of, from_statement, script_sha256, start_before, schedule,
                planned_at, priority, start_after, after::jsonb, traceparent, parent_id,
                case when after is not null or is_held then 'infinity' when start_after > now() then start_after end,
                approval::jsonb, {ApproveBy("approval_expires")}, true, secrets
            from {from}
            returning id)
        select now(), count(*) from submitted
        """;

    /// <summary>
    /// A parent is submitted, whose children follow: → RUNNING, or → WAITING_FOR_APPROVAL. Nobody runs it.
    /// </summary>
    internal static readonly string SubmitParent = $"""
        with asked as (select $14::timestamptz as start_before, $24::interval as expires)
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
            retry_of, start_before, schedule, planned_at, priority, start_after, after, traceparent, fan_out,
            started_at, lease_until, approval, approve_by, knows_approval)
        select $1, $2, $3, $4, $5, $6, $22, true, $7, $8, $9, '', '', $10, $11, $12, $13, start_before, $15, $16, $17,
            $18, $19::jsonb, $20, $21::jsonb, case when $22 = 'RUNNING' then now() end, 'infinity', $23::jsonb,
            {ApproveBy("expires")}, true
        from asked
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
    /// <summary>
    /// Somebody cancels a job, with its children: ACCEPTED, WAITING_FOR_APPROVAL → CANCELED, RUNNING → CANCELING.
    /// </summary>
    internal const string Cancel = $"""
        with open as (
            select id, status as was from job
            where (id = $1 or parent_id = $1) and status in ('ACCEPTED', 'WAITING_FOR_APPROVAL', 'RUNNING')
                and ($3 is null or queue_id = $3)
            order by id for update),
        canceled as (
            update job set
                status = case open.was when 'RUNNING' then 'CANCELING' else 'CANCELED' end,
                finished_at = case when open.was <> 'RUNNING' then now() end,
                fan_out = case when open.was <> 'RUNNING' then {AllCanceled} else fan_out end,
                canceled_by = $2, updated_at = now()
            from open where job.id = open.id
            returning job.id, open.was, job.fan_out is not null as is_parent),
        unshown as (
            insert into queue_unshown
            select id from canceled where was <> 'RUNNING' and not is_parent on conflict do nothing)
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
    /// <summary>
    /// Predecessors have ended: ACCEPTED, WAITING_FOR_APPROVAL → CANCELED where a condition can no longer come true.
    /// </summary>
    internal static readonly string ResolvePredecessors = $"""
        with marked as materialized (
            select job_id, predecessor_id, wanted, ended_as,
                wanted = 'ended' or wanted = 'succeeded' and ended_as = 'SUCCEEDED'
                    or wanted = 'failed' and ended_as in ('FAILED', 'KILLED') as is_met
            from job_predecessor
            where ended_as is not null and wanted in ('succeeded', 'failed', 'ended') order by job_id limit 1000),
        waiting as materialized (
            select id from job
            where id in (select job_id from marked) and status in ('ACCEPTED', 'WAITING_FOR_APPROVAL')
            order by id for no key update),
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
            returning json_build_array("user", cluster_id, command_id)::text as lane, retry_at, status),
        gone as (
            delete from job_predecessor row using marked
            where row.job_id = marked.job_id and row.predecessor_id = marked.predecessor_id),
        announced as (
            select pg_notify(
                '{JobLane.Channel}', case when octet_length(lane) < {JobLane.LongestPayload} then lane else '' end)
            from released where retry_at is null and status = 'ACCEPTED')
        select id, (select count(*) from marked), (select count(*) from announced) from canceled
        union all select null, (select count(*) from marked), (select count(*) from announced)
        """;

    /// <summary>
    /// Children that have not begun are not to run any more: ACCEPTED, WAITING_FOR_APPROVAL → CANCELED.
    /// </summary>
    internal const string StopChildren = """
        with stopped as (
            update job set status = 'CANCELED', finished_at = now(), updated_at = now(), error_kind = 'Refused',
                error = $2
            where id in (
                select id from job
                where id = any($1) and status in ('ACCEPTED', 'WAITING_FOR_APPROVAL') and started_at is null
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

    /// <summary>
    /// Children have ended, and after the last one their parent: RUNNING, CANCELING, WAITING_FOR_APPROVAL → as they
    /// have.
    /// </summary>
    internal const string AdvanceParent = """
        update job set status = coalesce($2, status), finished_at = case when $2 is not null then now() end,
            updated_at = now(), fan_out = fan_out || $3::jsonb, error = $4, error_kind = $5, errors = $6,
            statements = $7, rows_affected = $8, row_count = $9, truncated = $10
        where id = $1 and status in ('RUNNING', 'CANCELING', 'WAITING_FOR_APPROVAL')
        """;

    // A keeper of a version before approvals deletes the records of predecessors that end while a job waits so, and
    // lets nothing in line. They are written again, with how each has ended; those that were met are met again. One
    // that is gone counts only where nothing is recorded: it may have ended well, and long ago.
    /// <summary>Somebody else approves a job, with its children: WAITING_FOR_APPROVAL → ACCEPTED, RUNNING.</summary>
    internal static readonly string Approve = $"""
        with open as materialized ({OpenApproval}),
        approved as (
            update job set status = case when fan_out is null then 'ACCEPTED' else 'RUNNING' end,
                started_at = case when fan_out is not null then now() end, approve_by = null, decided_by = $2,
                decided_at = now(), updated_at = now(),
                retry_at = case when retry_at > now() then retry_at end
            from open where job.id = open.id and {MayDecide}
            returning job.id, job.parent_id, job.fan_out, job.after, job.retry_at,
                json_build_array("user", cluster_id, command_id)::text as lane),
        forgotten as (
            select id, (one ->> 'id')::uuid as predecessor_id, one ->> 'on' as wanted,
                not exists (select from job_predecessor where job_id = approved.id) as is_alone
            from approved cross join jsonb_array_elements(after) one
            where retry_at = 'infinity' and fan_out is null
                and not exists (
                    select from job_predecessor
                    where job_id = approved.id and predecessor_id = (one ->> 'id')::uuid)),
        earlier as materialized (
            select id, status, finished_at from job
            where id in (select predecessor_id from forgotten) order by id for share),
        remembered as (
            insert into job_predecessor (job_id, predecessor_id, wanted, ended_as)
            select forgotten.id, predecessor_id, wanted, case
                when earlier.id is null then 'GONE'
                when earlier.finished_at is not null then earlier.status end
            from forgotten left join earlier on earlier.id = predecessor_id
            where earlier.id is not null or is_alone),
        ended as (
            -- The parent learns of children that were cancelled before: the turn of others may have come.
            insert into child_end (job_id, parent_id)
            select id, parent_id from job
            where parent_id = $1 and finished_at is not null and exists (select from approved)
            on conflict do nothing)
        select id, case
            when fan_out is not null or retry_at = 'infinity' then pg_notify('{PredecessorChannel}', '')
            else pg_notify(
                '{JobLane.Channel}', case when octet_length(lane) < {JobLane.LongestPayload} then lane else '' end) end
        from approved
        """;

    /// <summary>Somebody else refuses a job, with its children: WAITING_FOR_APPROVAL → CANCELED.</summary>
    internal static readonly string Refuse = $"""
        with open as materialized ({OpenApproval}),
        refused as (
            update job set status = 'CANCELED', finished_at = now(), updated_at = now(), approve_by = null,
                decided_by = $2, decided_at = now(), canceled_by = $2, error_kind = 'Refused', error = $3,
                fan_out = {AllCanceled}
            from open where job.id = open.id and {MayDecide}
            returning job.id, job.fan_out is not null as is_parent),
        unshown as (insert into queue_unshown select id from refused where not is_parent on conflict do nothing)
        select id, null::text from refused
        """;

    /// <summary>A condition: nobody has approved some job in time.</summary>
    internal const string HasUnapproved =
        "exists (select from job where status = 'WAITING_FOR_APPROVAL' and approve_by <= now())";

    /// <summary>
    /// Jobs were not approved in time: WAITING_FOR_APPROVAL → CANCELED, or KILLED at their start_before.
    /// </summary>
    internal static readonly string ExpireApprovals = $"""
        with expired as (
            update job set status = case when {StartIsTooLate} then 'KILLED' else 'CANCELED' end,
                error_kind = case when {StartIsTooLate} then 'TimedOut' else 'Refused' end,
                finished_at = now(), updated_at = now(),
                fan_out = fan_out || jsonb_build_object(
                    case when {StartIsTooLate} then 'killed' else 'canceled' end, fan_out -> 'total'),
                error = case when {StartIsTooLate}
                    then 'Not approved by ' || utc_text(start_before) || ', its start_before. It never ran.'
                    else 'Nobody approved it by ' || utc_text(approve_by) || '. It never ran.' end
            where id in (
                select id from job where status = 'WAITING_FOR_APPROVAL' and approve_by <= now()
                order by approve_by, id limit 100 for update skip locked)
            returning {JobRow.Columns}),
        unshown as (
            insert into queue_unshown select id from expired where queue_id is not null on conflict do nothing)
        select * from expired
        """;

    /// <summary>
    /// While the store was down nobody could renew a lease. So each has a whole lease from the store's start on, the
    /// longest of all processes: the one that runs the job may have another than the one that asks.
    /// </summary>
    internal static string LeaseIsOver(string lease) =>
        "greatest(lease_until, "
        + $"pg_postmaster_start_time() + greatest({lease}, (select max(worker.lease) from worker))) < now()";
}
