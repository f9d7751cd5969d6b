using Heimdall.Core.Jobs;
using Heimdall.Core.Running;
using Heimdall.Tests.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>A process may take over an inline query of its own, after it was stalled for longer than a lease.</summary>
[CancelAfter(60_000)]
public sealed class LeaseHolderTests
{
    [Test]
    public async Task An_attempt_that_is_replaced_here_is_stopped()
    {
        await using var store = await ScheduleTestStore.CreateAsync(DateTime.UtcNow);
        await using var process = ScheduleTestStore.Build(store.Database, TimeProvider.System);
        var leases = process.GetRequiredService<Leases>();
        var job = new Job
        {
            Id = Guid.CreateVersion7(),
            Name = "query",
            Version = "",
            User = "test",
            Status = JobStatus.Running,
            IsSync = true,
            ReturnResult = true,
            CommandId = "sql",
            CommandName = "sql",
            ClusterId = "local",
            ClusterName = "local",
            Context = [],
            Attempt = 1,
        };

        using var first = leases.Begin(job);
        Assert.That((leases.Holds(job.Id), first.IsLost), Is.EqualTo((true, false)));
        using (var second = leases.Begin(job with { Attempt = 2 }))
        {
            first.Dispose();

            Assert.That((first.IsLost, second.IsLost, leases.Holds(job.Id)), Is.EqualTo((true, false, true)));
        }
        Assert.That(leases.Holds(job.Id), Is.False);
    }
}
