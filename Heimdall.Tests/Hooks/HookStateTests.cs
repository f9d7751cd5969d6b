using Heimdall.Core.Hooks;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>
/// Late schedules, clusters that are down and a slow queue are told once when they begin and once when they are over.
/// The tests look themselves, beside the keeper: what one of two has told the other does not tell again.
/// </summary>
[CancelAfter(120_000)]
public sealed class HookStateTests
{
    private const string Pause =
        "insert into heimdall.pause (scope, target, paused_by) values ('queue', '', 'tests')";

    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private HookReceiver _receiver = null!;
    private HeimdallInstance _heimdall = null!;
    private HookStates _states = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _receiver = new HookReceiver();
        _heimdall = await HeimdallInstance.StartAsync(
            config => (config with
            {
                Hooks = "allow: [127.0.0.2], schedule_late_after: 10s, queue_older_than: 1s, receivers: ["
                    + Webhook("ops", "events: [schedule.late, cluster.down, queue.slow, job.unapproved]") + ", "
                    + Webhook("other", "events: [cluster.down, job.unapproved], cluster_tags: [data:other]") + "]",
            }).WithCluster("down", "type:postgres, data:local", "postgresql://127.0.0.1:1/nothing")
                .WithCommand("reviewed", "type:reviewed", ", approval: required")
                .WithCluster("unfit", "type:nothing", "postgresql://127.0.0.1:1/nothing")
                .WithSchedule("yearly", Yearly("postgres")).WithSchedule("unroutable", Yearly("nothing")),
            worker: false);
        _states = _heimdall.ApiServices.GetRequiredService<HookStates>();

        string Webhook(string id, string more) =>
            $"{{id: {id}, url: \"{_receiver.UrlOf(id)}\", secrets: [\"{Secret}\"], {more}}}";

        static string Yearly(string cluster) => "cron: 0 0 1 1 *, command_criteria: [\"_id:postgres-0.0.1\"], "
            + $"cluster_criteria: [\"_id:{cluster}\"], context: {{query: select 1}}";
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Test]
    public async Task A_cluster_that_is_down_is_told_once(CancellationToken cancellationToken)
    {
        for (var looks = 0; looks < 4; looks++)
        {
            await _states.LookAsync(cancellationToken);
        }

        var told = await ReceiveAsync("cluster.down", cancellationToken);
        Assert.That(told.Text("cluster_id"), Is.EqualTo("down"));
        Assert.That(told.Text("reason"), Is.Not.Empty);
        Assert.That(
            await CountAsync("cluster.down", "cluster/down", cancellationToken), Is.EqualTo(1),
            "once, and not to the hook of other clusters");
    }

    [Test]
    public async Task A_schedule_that_nobody_fires_is_told_and_its_recovery(CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.schedule set timezone = 'Mars/Phobos', next_at = now() - interval '1 hour'
            where id = 'yearly'
            """,
            cancellationToken); // a time zone that this machine does not know: the upkeep cannot fire it
        await _states.LookAsync(cancellationToken);
        await _states.LookAsync(cancellationToken);
        var late = await Eventually.Becomes(
            () => Task.FromResult(_receiver.At("ops").FirstOrDefault(
                message => message.Body.Contains("Schedule yearly is late", StringComparison.Ordinal))!),
            () => Is.Not.Null, cancellationToken);
        Assert.That(late.Text("schedule"), Is.EqualTo("yearly"));
        Assert.That(late.Text("summary"), Is.EqualTo("Schedule yearly is late"));

        await _heimdall.Store.ExecuteAsync(
            "update heimdall.schedule set timezone = 'UTC', next_at = now() + interval '1 hour' where id = 'yearly'",
            cancellationToken);
        await _states.LookAsync(cancellationToken);

        await ReceiveAsync("schedule.on_time", cancellationToken);
        Assert.That(await CountAsync("schedule.late", "schedule/yearly", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_schedule_whose_last_run_was_refused_is_late(CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.schedule_run (id, schedule, planned_at, outcome, reason, decided_at)
            values (gen_random_uuid(), 'unroutable', now() - interval '1 min', 'REFUSED', 'No cluster fits.', now())
            """,
            cancellationToken);

        await _states.LookAsync(cancellationToken);

        var late = await Eventually.Becomes(
            () => Task.FromResult(_receiver.At("ops").FirstOrDefault(
                message => message.Body.Contains("unroutable", StringComparison.Ordinal))!),
            () => Is.Not.Null, cancellationToken);
        Assert.That(late.Text("reason"), Does.EndWith("could not be made. No cluster fits."));
    }

    [Test]
    public async Task A_queue_without_workers_is_told_and_that_it_is_over(CancellationToken cancellationToken)
    {
        var job = await _heimdall.EnqueueAsync("select 1", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.job set created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour'
            where id = $1
            """,
            cancellationToken, job);
        await _states.LookAsync(cancellationToken);
        await _states.LookAsync(cancellationToken);
        await ReceiveAsync("queue.slow", cancellationToken);

        await _heimdall.Store.ExecuteAsync(Pause, cancellationToken);
        await _states.LookAsync(cancellationToken);
        var toldOfPause = await CountAsync("queue.on_time", "queue", cancellationToken);
        await _heimdall.Store.ExecuteAsync("delete from heimdall.pause", cancellationToken);
        await _states.LookAsync(cancellationToken);
        await _heimdall.CancelAsync(job, cancellationToken);
        await _states.LookAsync(cancellationToken);

        await ReceiveAsync("queue.on_time", cancellationToken);
        Assert.That(toldOfPause, Is.Zero, "a pause is no recovery");
        Assert.That(await CountAsync("queue.slow", "queue", cancellationToken), Is.EqualTo(2), "after the pause again");
    }

    [Test]
    public async Task A_job_that_waits_for_an_approval_is_told_once_and_its_decision(
        CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            "select 1", returnResult: false, cancellationToken, "to approve", command: "type:reviewed");
        var id = reply.AssertStatus(202).Id;
        await _states.LookAsync(cancellationToken);
        await _states.LookAsync(cancellationToken);

        var told = await ReceiveAsync("job.unapproved", cancellationToken);
        await _heimdall.CancelAsync(id, cancellationToken);
        await _states.LookAsync(cancellationToken);

        Assert.That((told.Text("id"), told.Text("command_id")), Is.EqualTo((id.ToString(), "reviewed")));
        Assert.That(told.Text("summary"), Is.EqualTo("Job to approve of anonymous waits for an approval"));
        await ReceiveAsync("job.decided", cancellationToken);
        Assert.That(
            await CountAsync("job.unapproved", $"job/{id}", cancellationToken), Is.EqualTo(1),
            "once, and not to the hook of other clusters");
    }

    [TestCase("paused_at = now(), paused_by = 'ops'")]
    [TestCase("removed_at = now()")]
    public async Task Of_a_late_schedule_that_is_paused_or_removed_no_recovery_is_told(
        string change, CancellationToken cancellationToken)
    {
        const string Id = "held";
        await _heimdall.Store.ExecuteAsync(
            """
            delete from heimdall.schedule where id = 'held';
            insert into heimdall.schedule (id, name, description, cron, timezone, misfire, overlap, "user", version,
                tags, command_criteria, cluster_criteria, context, decided_until, next_at)
            values ('held', 'n', '', '0 0 1 1 *', 'Mars/Phobos', 'once', 'allow', 'u', '', '{}', '{}', '{}', '{}',
                now(), now() - interval '1 hour')
            """,
            cancellationToken);
        await _states.LookAsync(cancellationToken);
        var told = await CountAsync("schedule.late", $"schedule/{Id}", cancellationToken);

        await _heimdall.Store.ExecuteAsync(
            $"update heimdall.schedule set {change} where id = 'held'", cancellationToken);
        await _states.LookAsync(cancellationToken);

        Assert.That(told, Is.AtLeast(1));
        Assert.That(await CountAsync("schedule.on_time", $"schedule/{Id}", cancellationToken), Is.Zero);
        Assert.That(await HasStateAsync($"schedule/{Id}", cancellationToken), Is.False);
    }

    [Test]
    public async Task Of_a_cluster_that_is_taken_out_of_service_the_state_is_forgotten(
        CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.hook_state (event, subject)
            values ('cluster.down', 'cluster/gone'), ('cluster.down', 'cluster/postgres') on conflict do nothing
            """,
            cancellationToken);

        await _states.LookAsync(cancellationToken);

        Assert.That(await HasStateAsync("cluster/gone", cancellationToken), Is.False);
        Assert.That(await CountAsync("cluster.up", "cluster/gone", cancellationToken), Is.Zero);
        Assert.That(await CountAsync("cluster.up", "cluster/postgres", cancellationToken), Is.AtLeast(1));
    }

    [Test]
    public async Task A_cluster_that_no_command_fits_is_not_told_as_down(CancellationToken cancellationToken)
    {
        for (var looks = 0; looks < 3; looks++)
        {
            await _states.LookAsync(cancellationToken);
        }

        Assert.That(await CountAsync("cluster.down", "cluster/unfit", cancellationToken), Is.Zero);
    }

    private Task<bool> HasStateAsync(string subject, CancellationToken cancellationToken) =>
        _heimdall.Store.ScalarAsync<bool>(
            "select exists (select from heimdall.hook_state where subject = $1)", cancellationToken, subject);

    private Task<ReceivedMessage> ReceiveAsync(string type, CancellationToken cancellationToken) =>
        Eventually.Becomes(
            () => Task.FromResult(_receiver.At("ops").FirstOrDefault(message => message.Type == type)!),
            () => Is.Not.Null, cancellationToken);

    private Task<long> CountAsync(string type, string subject, CancellationToken cancellationToken) =>
        _heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.hook_delivery where event = $1 and subject = $2", cancellationToken, type,
            subject);
}
