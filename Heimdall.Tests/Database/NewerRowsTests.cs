using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>What only a newer version knows, in rows that this one reads: it shows what it can, and works on.</summary>
[CancelAfter(120_000)]
public sealed class NewerRowsTests
{
    [Test]
    public async Task Values_that_only_a_newer_version_knows_stop_nothing(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config
            .WithCommand("other", "type:other")
            .WithSchedule(
                "merged",
                "cron: 0 3 * * *, command_criteria: [type:postgres], cluster_criteria: [data:local], "
                + "context: {query: select 1}"));
        var stored = await heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken);
        var failed = await heimdall.EnqueueAsync("select nonsense", cancellationToken);
        await heimdall.WaitForEndAsync(failed, cancellationToken);
        await heimdall.Store.ExecuteAsync(
            """
            alter table heimdall.command drop constraint command_status_check;
            alter table heimdall.schedule drop constraint schedule_overlap_check;
            alter table heimdall.schedule_run drop constraint schedule_run_outcome_check;
            alter table heimdall.job add column colour text, add column shape text not null default 'round'
            """,
            cancellationToken);
        await heimdall.Store.ExecuteAsync(
            """
            with jobs as (
                update heimdall.job set status = 'ARCHIVED',
                    error_kind = case when error is null then null else 'Melted' end,
                    after = '[{"id": "00000000-0000-0000-0000-000000000001", "on": "started"}]'),
            commands as (update heimdall.command set status = 'RESTING' where name = 'other'),
            schedules as (
                update heimdall.schedule set overlap = 'merge', next_at = now() - interval '10 seconds')
            insert into heimdall.schedule_run (id, schedule, planned_at, outcome, decided_at)
            values (gen_random_uuid(), 'merged', now() - interval '1 year', 'MERGED', now())
            """,
            cancellationToken);
        await heimdall.Store.ExecuteAsync("select pg_notify('heimdall_catalog', '')", cancellationToken);

        await Eventually.Becomes(
            async () => (await heimdall.GetAsync("/api/v1/command/other/status", cancellationToken)).Text,
            () => Does.Contain("INACTIVE"), cancellationToken);
        foreach (var (path, words) in new[]
        {
            ("/api/v1/jobs", "UNKNOWN"),
            ($"/api/v1/job/{stored.Id}", "UNKNOWN"),
            ($"/api/v1/job/{failed}", "nonsense"),
            ("/api/v1/schedules", "merged"),
            ("/api/v1/schedule/merged/runs", "UNKNOWN"),
            ("/hangfire/sql/jobs", "UNKNOWN"),
        })
        {
            var reply = await heimdall.GetAsync(path, cancellationToken);
            Assert.That(reply.AssertStatus(200).Text, Does.Contain(words), path);
        }
        var next = await heimdall.GetAsync("/api/v1/schedule/merged/next", cancellationToken);
        next.AssertProblem(409, "overlap: merge", "newer version");
        var triggered = await heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/schedule/merged/trigger", cancellationToken);
        triggered.AssertProblem(409, "overlap: merge", "newer version");
        var job = await heimdall.EnqueueAsync("select 1", cancellationToken);
        Assert.That((await heimdall.WaitForEndAsync(job, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }
}
