using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Which slot may begin a job that was claimed more than once.</summary>
public sealed class ClaimedJobsTests
{
    private readonly ClaimedJobs _claimed = new();
    private readonly Guid _id = Guid.CreateVersion7();

    [Test]
    public async Task A_slot_begins_the_claim_that_it_has_taken_and_no_later_one()
    {
        var first = Claim(attempt: 1);
        var late = new SemaphoreSlim(0);
        var lateSlot = Task.Run(async () =>
        {
            _claimed.EnterSlot(first);
            await late.WaitAsync();
            return _claimed.TryBegin(_id);
        });

        first.TryAbandon();
        var second = Claim(attempt: 2);
        late.Release();
        var begunLate = await lateSlot;
        _claimed.EnterSlot(second);

        Assert.That(begunLate, Is.Null);
        Assert.That(_claimed.TryBegin(_id), Is.SameAs(second));
        Assert.That(_claimed.TryBegin(_id), Is.Null, "it runs already");
    }

    [Test]
    public void Only_a_claim_that_a_slot_has_and_has_not_begun_is_stuck()
    {
        Claim(attempt: 1);
        var stuck = Claim(attempt: 2);
        stuck.HandedOut = 0;
        var begun = new ClaimedJob(NewJob(Guid.CreateVersion7(), attempt: 1), isTakeOver: false) { HandedOut = 0 };
        _claimed.Add(begun);
        _claimed.EnterSlot(begun);
        _claimed.TryBegin(begun.Job.Id);

        Assert.That(_claimed.FindStuck(TimeSpan.Zero), Is.EqualTo(new[] { stuck }));
    }

    private ClaimedJob Claim(int attempt)
    {
        var claim = new ClaimedJob(NewJob(_id, attempt), isTakeOver: attempt > 1);
        _claimed.Add(claim);
        return claim;
    }

    private static Job NewJob(Guid id, int attempt) => new()
    {
        Id = id,
        Attempt = attempt,
        Name = "claimed",
        Version = "",
        User = "test",
        Status = JobStatus.Running,
        IsSync = false,
        ReturnResult = false,
        CommandId = "main",
        CommandName = "main",
        ClusterId = "main",
        ClusterName = "main",
        Context = [],
    };
}
