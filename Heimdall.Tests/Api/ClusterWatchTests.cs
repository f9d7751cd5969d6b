using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>A cluster that goes away and comes back.</summary>
[CancelAfter(60_000)]
public sealed class ClusterWatchTests
{
    [Test]
    public async Task One_that_is_back_is_noticed_and_the_log_says_both(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        await using var proxy = new TcpProxy(heimdall.Target.ConnectionString);
        heimdall.Configure(
            config => config.WithCluster("behind", "type:postgres, data:local", proxy.Through(config.Target)));
        await heimdall.StartApiAsync();

        await proxy.CutAsync();
        (await heimdall.GetAsync("/api/v1/cluster/behind/health", cancellationToken)).AssertStatus(503);
        Assert.That(heimdall.Logs, Has.Some.Contain("Cluster behind is down: "));
        proxy.Mend();

        await Eventually.Becomes(
            () => Task.FromResult(string.Concat(heimdall.Logs)),
            () => Does.Contain("Cluster behind is up again"),
            cancellationToken);
        var query = await heimdall.SubmitAsync(
            "select 1", returnResult: true, cancellationToken, cluster: "_id:behind");
        query.AssertStatus(200);
    }
}
