using Heimdall.Tests.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>
/// An API process that is killed between any two steps of an approval. The job waits, or it is approved: never one
/// without the record of it.
/// </summary>
[CancelAfter(300_000)]
public sealed class ApprovalKillTests() : RealProcessTests(processes: 2)
{
    private const int Kills = 6;

    /// <summary>Messages to the store, or back, that one approval takes at most.</summary>
    private const int LongestApproval = 10;

    [Test]
    public async Task A_job_is_approved_with_its_record_or_not_at_all(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(config =>
        {
            var made = Approvals.Configure(config);
            return made with { Store = ChaosInstance.Through(made.Store, ChaosInstance.StorePort) };
        });
        Approvals.AskAsAdmin(heimdall);
        await heimdall.Target.ExecuteAsync("create table effect (n int)", cancellationToken);
        await using var proxy = new WatchingProxy(heimdall.Store.ConnectionString);
        heimdall.Variables[ChaosInstance.StorePort] = ChaosInstance.PortOf(heimdall.Store);
        await using var worker = heimdall.StartWorkerProcess();
        heimdall.Variables[ChaosInstance.StorePort] = proxy.Port; // of the API alone
        var random = new Random(20261130);
        var left = 0;
        await heimdall.StartApiProcessAsync();
        for (var kill = 0; kill < Kills; kill++)
        {
            var id = await heimdall.SubmitAsync(
                Approvals.Job($"insert into effect values ({kill})"), cancellationToken);
            var killing = proxy.AmbushAsync(
                step: null, (MessageMoment)random.Next(4), random.Next(LongestApproval),
                async () =>
                {
                    await heimdall.Api!.KillAsync(CancellationToken.None);
                    return false;
                },
                cancellationToken);
            await TryAsync(() => heimdall.ApproveAsync("olga", id, cancellationToken));
            await killing;
            await heimdall.StartApiProcessAsync();

            var waits = await heimdall.StatusOfAsync(id, cancellationToken) == "WAITING_FOR_APPROVAL";
            var recorded = await heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.audit where target = $1 and action like '%approve' and outcome = 'DONE'",
                cancellationToken, $"job/{id}");
            Assert.That(recorded, Is.EqualTo(waits ? 0 : 1), $"kill {kill}");
            left += waits ? 1 : 0;
            if (waits)
            {
                (await heimdall.ApproveAsync("otto", id, cancellationToken)).AssertStatus(200);
            }
            await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        }

        TestContext.Out.WriteLine($"{Kills} kills, {left} of them before the approval");
        Assert.That(
            await heimdall.Target.ScalarAsync<string>(
                "select string_agg(n::text, ',' order by n) from effect", cancellationToken),
            Is.EqualTo(string.Join(',', Enumerable.Range(0, Kills))));
    }

    private static async Task TryAsync(Func<Task> askAsync)
    {
        try
        {
            await askAsync();
        }
        catch (HttpRequestException)
        {
            // It was killed before it could answer.
        }
    }
}
