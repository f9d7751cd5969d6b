using Heimdall.Core.Catalog;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

[Parallelizable(ParallelScope.All)]
public sealed class WeightTests
{
    [Test]
    public void Each_is_picked_as_often_as_it_weighs()
    {
        var random = new Random(42);

        var counts = Enumerable.Range(0, 10_000).CountBy(_ => JobRouter.Pick([1, 3, 6], random)).ToDictionary();

        Assert.That(counts[0], Is.EqualTo(1000).Within(150));
        Assert.That(counts[1], Is.EqualTo(3000).Within(200));
        Assert.That(counts[2], Is.EqualTo(6000).Within(200));
    }

    [Test]
    public void The_only_one_is_picked() => Assert.That(JobRouter.Pick([1], new Random(1)), Is.Zero);
}
