using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Callers whose lists are slow, beside jobs that run.</summary>
[CancelAfter(120_000)]
public sealed class LifelineTests
{
    [Test]
    public async Task Slow_lists_cost_no_running_job_its_lease(CancellationToken cancellationToken)
    {
        // The worker looks for queries of dead processes.
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s" });
        await heimdall.CloseGateAsync("lifeline", cancellationToken);
        await heimdall.Target.ExecuteAsync(
            """
            create function pass() returns int language plpgsql as
            $$ begin
              while exists (select from gate where name = 'lifeline') loop perform pg_sleep(0.02); end loop;
              return 7;
            end $$
            """,
            cancellationToken);
        var query = heimdall.SubmitAsync("select pass()", returnResult: true, cancellationToken, name: "lifeline");
        var id = await heimdall.FindJobAsync("lifeline", "RUNNING", cancellationToken);
        await using var holder = new Npgsql.NpgsqlConnection(heimdall.Store.ConnectionString);
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using (var hold = new Npgsql.NpgsqlCommand("lock table heimdall.schedule", holder, transaction))
        {
            await hold.ExecuteNonQueryAsync(cancellationToken);
        }
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var lists = new Task[2 * ConnectionLimits.ForApi.Store];
        for (var i = 0; i < lists.Length; i++)
        {
            lists[i] = ListAsync(heimdall, enough.Token);
        }
        await Eventually.Is(() => AllAreHeldAsync(heimdall, cancellationToken), cancellationToken);
        var since = await heimdall.Store.ScalarAsync<DateTime>("select clock_timestamp()", cancellationToken);

        // Three leases later the process that runs the query has renewed its own all the time, and all its other
        // connections are held.
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>(
                "select attempt > 1 or lease_until > $2 + interval '8 s' from heimdall.job where id = $1",
                cancellationToken,
                id,
                since),
            cancellationToken);
        await Eventually.Is(() => AllAreHeldAsync(heimdall, cancellationToken), cancellationToken);
        await heimdall.OpenGateAsync("lifeline", cancellationToken);
        var reply = (await query).AssertStatus(200);
        await enough.CancelAsync();
        await transaction.RollbackAsync(cancellationToken);
        await Task.WhenAll(lists);

        Assert.That(reply["status"], Is.EqualTo("SUCCEEDED"), reply.Text);
        Assert.That(
            await heimdall.Store.ScalarAsync<string>(
                "select status || attempt from heimdall.job where id = $1", cancellationToken, id),
            Is.EqualTo("SUCCEEDED1"));
    }

    /// <summary>Asks again and again: one that the store does not answer for ten seconds is given up.</summary>
    private static async Task ListAsync(HeimdallInstance heimdall, CancellationToken enough)
    {
        try
        {
            while (true)
            {
                await heimdall.GetAsync("/api/v1/schedules", enough);
            }
        }
        catch (OperationCanceledException)
        {
            // The test has seen what it wanted to.
        }
    }

    private static Task<bool> AllAreHeldAsync(HeimdallInstance heimdall, CancellationToken cancellationToken) =>
        heimdall.Store.ScalarAsync<bool>(
            """
            select count(*) >= $1 from pg_stat_activity
            where datname = current_database() and application_name = 'heimdall store' and wait_event_type = 'Lock'
            """,
            cancellationToken,
            ConnectionLimits.ForApi.Store);
}
