using Heimdall.Core.Running;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

public sealed class BackOffTests
{
    [TestCase(1, 0, ExpectedResult = 0.5)]
    [TestCase(1, 1, ExpectedResult = 1)]
    [TestCase(2, 0, ExpectedResult = 1)]
    [TestCase(3, 0.5, ExpectedResult = 3)]
    [TestCase(6, 1, ExpectedResult = 32)]
    public double It_doubles_with_each_failure_and_chance_moves_it_within_the_upper_half(int failures, double chance) =>
        BackOff.After(failures, chance).TotalSeconds;

    [TestCase(7)]
    [TestCase(100)]
    [TestCase(int.MaxValue)]
    public void It_has_a_longest_however_often_a_job_has_failed(int failures)
    {
        Assert.That(BackOff.After(failures, 1), Is.EqualTo(BackOff.Longest));
        Assert.That(BackOff.After(failures, 0), Is.EqualTo(BackOff.Longest / 2));
    }
}
