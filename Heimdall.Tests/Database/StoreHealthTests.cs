using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>What a look at the store does with an error that nobody has thought of.</summary>
[CancelAfter(30_000)]
public sealed class StoreHealthTests
{
    [Test]
    public async Task No_error_leaves_a_look(CancellationToken cancellationToken)
    {
        var database = new StoreDatabase(
            TestDatabase.ServerConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        await database.DisposeAsync();
        using var clock = new StoreClock(TimeProvider.System);
        var readiness = new StoreReadiness();
        readiness.SetReady();
        var health = new StoreHealth(readiness, database, new StoreProbe(database, clock), clock);

        Assert.That(await health.FindProblemAsync(cancellationToken), Does.Contain("disposed"));
    }
}
