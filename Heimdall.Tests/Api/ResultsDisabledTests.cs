using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

[CancelAfter(60_000)]
public sealed class ResultsDisabledTests
{
    [Test]
    public async Task Nothing_is_stored_where_results_are_switched_off(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Results = "enabled: false" });
        foreach (var returnResult in new[] { true, false })
        {
            var job = (await heimdall.SubmitAsync("select 1", returnResult, cancellationToken, prefer: "respond-async, wait=30")).AssertStatus(200);

            var result = await heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken);

            Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
            result.AssertProblem(404, "results.enabled");
        }
        Assert.That(await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job_result", cancellationToken), Is.Zero);
    }
}
