using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Storage;

/// <summary>Statements on Hangfire's entries fail, as on a server that is out of room, on either storage.</summary>
[CancelAfter(240_000)]
public sealed class EntryFaultTests
{
    /// <summary>Hangfire tries ten times, each time after a longer pause.</summary>
    private static readonly TimeSpan TimeOfTenTries = TimeSpan.FromMinutes(3);

    [Test]
    public Task An_end_is_shown_that_could_not_be_written_for_long(CancellationToken cancellationToken) =>
        Task.WhenAll(new[] { "heimdall", "stock" }.Select(async storage =>
        {
            await using var heimdall = await HeimdallInstance.StartAsync(
                config => config with { Queue = $"storage: {storage}", Worker = "lease: 2s" });
            await RefuseAsync(heimdall, "Succeeded", cancellationToken);

            var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
            await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
            await Eventually.Becomes(
                () => heimdall.QueueStateAsync(id, cancellationToken),
                () => Does.StartWith("Failed: Failed to change state"),
                cancellationToken,
                TimeOfTenTries);
            await RefuseNothingAsync(heimdall, cancellationToken);

            await Eventually.Becomes(
                () => heimdall.QueueStateAsync(id, cancellationToken),
                () => Does.StartWith("Succeeded"),
                cancellationToken);
            Assert.That((await heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        }));

    [TestCase("heimdall")]
    [TestCase("stock")]
    public async Task An_end_is_shown_whose_start_was_lost_while_it_was_written(
        string storage, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Queue = $"storage: {storage}", Worker = "lease: 2s" });
        await RefuseAsync(heimdall, "Succeeded", cancellationToken);
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>("select is_called from public.refusals", cancellationToken),
            cancellationToken);

        await heimdall.Store.ExecuteAsync(
            """
            drop trigger refuse on hangfire.state;
            update hangfire.job set statename = 'Enqueued',
                stateid = (select min(id) from hangfire.state where jobid = job.id)
            """,
            cancellationToken);

        await Eventually.Becomes(
            () => heimdall.QueueStateAsync(id, cancellationToken),
            () => Does.StartWith("Succeeded"),
            cancellationToken);
    }

    [TestCase("heimdall")]
    [TestCase("stock")]
    public async Task A_claim_that_cannot_be_put_back_is_given_up(string storage, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Queue = $"storage: {storage}", Worker = "lease: 2s" }, worker: false);
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await heimdall.Store.ExecuteAsync(
            "update hangfire.job set statename = 'Succeeded' where id = $1::text::bigint", cancellationToken,
            await heimdall.Store.ScalarAsync<string>(
                "select queue_id from heimdall.job where id = $1", cancellationToken, id));
        await RefuseAsync(heimdall, "Enqueued", cancellationToken);

        await heimdall.StartWorkerAsync();
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>("select is_called from public.refusals", cancellationToken),
            cancellationToken);
        await RefuseNothingAsync(heimdall, cancellationToken);

        await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        await Eventually.Becomes(
            () => heimdall.QueueStateAsync(id, cancellationToken),
            () => Does.StartWith("Succeeded"),
            cancellationToken);
    }

    /// <summary>No entry gets into a state any more. The sequence counts, also in what is rolled back.</summary>
    private static Task RefuseAsync(HeimdallInstance heimdall, string state, CancellationToken cancellationToken) =>
        heimdall.Store.ExecuteAsync(
            $"""
            create sequence public.refusals;
            create function public.refuse() returns trigger language plpgsql as
                'begin perform nextval(''public.refusals''); raise exception ''no room''; end';
            create trigger refuse before insert on hangfire.state
                for each row when (new.name = '{state}') execute function public.refuse()
            """,
            cancellationToken);

    private static Task RefuseNothingAsync(HeimdallInstance heimdall, CancellationToken cancellationToken) =>
        heimdall.Store.ExecuteAsync("drop trigger refuse on hangfire.state", cancellationToken);
}
