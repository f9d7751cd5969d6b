using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>Tests of what only processes can show: that they are killed, frozen, told to stop, or start.</summary>
/// <param name="processes">How many of Heimdall's processes a test of the fixture has running at once, at most.</param>
[Category(Category)]
public abstract class RealProcessTests(int processes)
{
    /// <summary>Of all that starts processes: Heimdall's, browsers, servers of its own. <c>./test.sh --fast</c> leaves it out.</summary>
    public const string Category = "RealProcesses";

    [OneTimeSetUp]
    public Task TakePlaces()
    {
        // NUnit runs such a test when no fixture runs any more: the fixture would keep its places until then, and others wait for them.
        Assert.That(
            GetType().GetMethods().Where(method => method.IsDefined(typeof(NonParallelizableAttribute), inherit: true)), Is.Empty,
            "A test that runs alone belongs in a fixture that runs alone.");
        return ProcessBudget.TakeAsync(GetType().FullName!, processes);
    }

    [OneTimeTearDown]
    public void GivePlaces() => ProcessBudget.Give(GetType().FullName!);
}
