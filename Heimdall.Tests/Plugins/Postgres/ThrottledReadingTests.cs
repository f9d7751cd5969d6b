using Heimdall.Core.Running;
using Heimdall.Plugins.Postgres.Queries;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

[CancelAfter(60_000)]
public sealed class ThrottledReadingTests
{
    private const int Long = 1024 * 1024;

    [Test]
    public async Task A_short_result_does_not_wait_for_a_long_one(CancellationToken cancellationToken)
    {
        using var throttle = new ResultReadThrottle(places: 1);
        using var first = await BeginAsync(throttle, cancellationToken);
        using var second = new ThrottledReading(throttle);

        await second.TakeAsync(cancellationToken);
        await second.WaitAsync(ValueTask.FromResult(1000));
        var next = second.TakeAsync(cancellationToken);

        Assert.That(next.IsCompletedSuccessfully, Is.True);
    }

    [Test]
    public async Task Long_results_take_turns(CancellationToken cancellationToken)
    {
        using var throttle = new ResultReadThrottle(places: 1);
        using var first = await BeginAsync(throttle, cancellationToken);
        using var second = new ThrottledReading(throttle);
        await second.WaitAsync(ValueTask.FromResult(Long));

        var waiting = second.TakeAsync(cancellationToken);
        var hadToWait = !waiting.IsCompleted;
        await first.WaitAsync(ValueTask.FromResult(Long)); // enough for one turn
        await waiting;
        var again = first.TakeAsync(cancellationToken);

        Assert.That((hadToWait, again.IsCompleted), Is.EqualTo((true, false)));
        second.Leave();
        await again;
    }

    [Test]
    public async Task The_clock_of_a_query_stands_still_while_it_waits_for_its_turn(CancellationToken cancellationToken)
    {
        using var throttle = new ResultReadThrottle(places: 1);
        using var first = await BeginAsync(throttle, cancellationToken);
        using var time = new ManualTime();
        using var deadline = new RunDeadline(time);
        using var second = new ThrottledReading(throttle, deadline.Pause);
        deadline.Start(TimeSpan.FromMinutes(2));
        await second.WaitAsync(ValueTask.FromResult(Long));
        time.Advance(TimeSpan.FromMinutes(1));

        var waiting = second.TakeAsync(cancellationToken);
        time.Advance(TimeSpan.FromHours(1));
        var hadPassed = deadline.HasPassed;
        first.Leave();
        await waiting;
        time.Advance(TimeSpan.FromSeconds(59));
        var hasPassedEarly = deadline.HasPassed;
        time.Advance(TimeSpan.FromSeconds(2));

        Assert.That((hadPassed, hasPassedEarly, deadline.HasPassed), Is.EqualTo((false, false, true)));
    }

    [Test]
    public async Task Nobody_who_is_alone_gives_up_his_turn(CancellationToken cancellationToken)
    {
        using var throttle = new ResultReadThrottle(places: 1);
        using var first = await BeginAsync(throttle, cancellationToken);
        using var second = new ThrottledReading(throttle);
        await second.WaitAsync(ValueTask.FromResult(Long));

        await first.WaitAsync(ValueTask.FromResult(Long));
        var waiting = second.TakeAsync(cancellationToken);

        Assert.That(waiting.IsCompleted, Is.False);
        first.Leave();
        await waiting;
    }

    [Test]
    public async Task A_server_that_is_slow_loses_its_turn(CancellationToken cancellationToken)
    {
        using var throttle = new ResultReadThrottle(places: 1);
        using var slow = await BeginAsync(throttle, cancellationToken);
        using var second = new ThrottledReading(throttle);
        await second.WaitAsync(ValueTask.FromResult(Long));
        var rows = new TaskCompletionSource<int>();

        var reading = slow.WaitAsync(new ValueTask<int>(rows.Task));
        await second.TakeAsync(cancellationToken);
        rows.SetResult(10);

        await reading;
    }

    [Test]
    public async Task Who_is_not_read_any_more_does_not_wait(CancellationToken cancellationToken)
    {
        using var throttle = new ResultReadThrottle(places: 1);
        using var first = await BeginAsync(throttle, cancellationToken);
        using var second = new ThrottledReading(throttle);
        await second.WaitAsync(ValueTask.FromResult(Long));
        using var gone = new CancellationTokenSource();
        var waiting = second.TakeAsync(gone.Token).AsTask();

        await gone.CancelAsync();

        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        first.Leave();
        using var third = await BeginAsync(throttle, cancellationToken); // the place was not lost
    }

    /// <summary>One of a long result that has its turn.</summary>
    private static async Task<ThrottledReading> BeginAsync(ResultReadThrottle throttle, CancellationToken cancellationToken)
    {
        var turn = new ThrottledReading(throttle);
        await turn.WaitAsync(ValueTask.FromResult(Long));
        await turn.TakeAsync(cancellationToken);
        return turn;
    }
}
