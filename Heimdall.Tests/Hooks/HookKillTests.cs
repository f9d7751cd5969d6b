using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>Whatever is killed, a job that has ended is told of: at least once, and always with one id.</summary>
[CancelAfter(180_000)]
public sealed class HookKillTests() : RealProcessTests(processes: 2)
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Test]
    public async Task A_message_outlives_the_process_that_was_sending_it(CancellationToken cancellationToken)
    {
        await using var receiver = new HookReceiver();
        receiver.On("ops", (_, _) => HookAnswer.Silence);
        await using var heimdall = await HeimdallInstance.CreateAsync(config => Configure(config, receiver));
        await heimdall.StartApiProcessAsync();
        await using var worker = heimdall.StartWorkerProcess();
        var job = await SubmitAsync(heimdall, cancellationToken);
        await Eventually.Is(() => Task.FromResult(receiver.At("ops").Length == 1), cancellationToken);

        await worker.KillAsync(cancellationToken);
        await heimdall.Api!.KillAsync(cancellationToken);
        receiver.On("ops", (_, _) => new HookAnswer(200));
        await using var next = heimdall.StartWorkerProcess();

        await Eventually.Is(() => IsDeliveredAsync(heimdall, job, cancellationToken), cancellationToken);
        Assert.That(receiver.At("ops"), Has.Length.AtLeast(2));
        Assert.That(receiver.At("ops").Select(message => message.Id).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Each_end_of_workers_that_are_killed_is_told(CancellationToken cancellationToken)
    {
        await using var receiver = new HookReceiver();
        await using var heimdall = await HeimdallInstance.CreateAsync(config => Configure(config, receiver));
        await heimdall.StartApiAsync();
        var jobs = new List<Guid>();
        for (var round = 0; round < 3; round++)
        {
            await using var worker = heimdall.StartWorkerProcess();
            for (var count = 0; count < 20; count++)
            {
                jobs.Add(await SubmitAsync(heimdall, cancellationToken));
            }
            var first = jobs[^20];
            await heimdall.WaitForStatusAsync(first, "SUCCEEDED", cancellationToken);
            await worker.KillAsync(cancellationToken);
            var untold = await heimdall.Store.ScalarAsync<long>(
                """
                select count(*) from heimdall.job full join heimdall.hook_delivery told on told.job_id = job.id
                where (job.finished_at is null) <> (told.id is null)
                """,
                cancellationToken);
            Assert.That(untold, Is.Zero, "an end without a message, or a message without an end");
        }
        await using var last = heimdall.StartWorkerProcess();

        foreach (var job in jobs)
        {
            await Eventually.Is(() => IsDeliveredAsync(heimdall, job, cancellationToken), cancellationToken);
        }

        var byJob = receiver.At("ops").ToLookup(message => Guid.Parse(message.Text("id")), message => message.Id);
        Assert.That(byJob.Select(job => job.Key), Is.EquivalentTo(jobs));
        Assert.That(byJob.Select(job => job.Distinct().Count()), Is.All.EqualTo(1));
    }

    private static InstanceConfig Configure(InstanceConfig config, HookReceiver receiver) => config with
    {
        Hooks = "allow: [127.0.0.2], retry_after: 50ms, timeout: 5s, "
            + $"receivers: [{{id: ops, url: \"{receiver.UrlOf("ops")}\", secrets: [\"{Secret}\"]}}]",
    };

    private static async Task<Guid> SubmitAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var job = new
        {
            name = "told",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = "select 1", return_result = false },
            on_end = new[] { new { hook = "ops" } },
        };
        return (await heimdall.PostJobAsync(JsonSerializer.Serialize(job), cancellationToken)).AssertStatus(202).Id;
    }

    private static Task<bool> IsDeliveredAsync(
        HeimdallInstance heimdall, Guid job, CancellationToken cancellationToken) =>
        heimdall.Store.ScalarAsync<bool>(
            "select exists (select from heimdall.hook_delivery where job_id = $1 and status = 'DELIVERED')",
            cancellationToken, job);
}
