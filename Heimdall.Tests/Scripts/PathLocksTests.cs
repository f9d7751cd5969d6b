using Heimdall.Core.Scripts;
using NUnit.Framework;

namespace Heimdall.Tests.Scripts;

[CancelAfter(10_000)]
public sealed class PathLocksTests
{
    [Test]
    public async Task A_path_is_held_by_one_at_a_time_and_others_are_free(CancellationToken cancellationToken)
    {
        var locks = new PathLocks();
        var first = await locks.EnterAsync("a", cancellationToken);

        var second = locks.EnterAsync("a", cancellationToken);
        using var other = await locks.EnterAsync("b", cancellationToken);
        var wasHeld = !second.IsCompleted;
        first.Dispose();
        using var held = await second;

        Assert.That(wasHeld, Is.True);
        Assert.That(locks.Count, Is.EqualTo(2));
    }

    [Test]
    public async Task Paths_that_nobody_uses_are_forgotten(CancellationToken cancellationToken)
    {
        var locks = new PathLocks();
        using var impatience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using (await locks.EnterAsync("a", cancellationToken))
        {
            var waiting = locks.EnterAsync("a", impatience.Token);
            await impatience.CancelAsync();
            await Assert.ThrowsAsync<OperationCanceledException>(() => waiting);
        }

        Assert.That(locks.Count, Is.Zero);
    }
}
