using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>How the API process starts, and what it says then.</summary>
[CancelAfter(60_000)]
public sealed class StartTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task A_fresh_start_has_nothing_to_complain_of(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(isFirstStart: true);
        await heimdall.StartApiProcessAsync();

        var dashboard = await heimdall.GetAsync("/hangfire", cancellationToken);

        Assert.That(dashboard.AssertStatus(200).Text, Does.Contain("Heimdall"));
        Assert.That(await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.dashboard_key", cancellationToken), Is.EqualTo(1));
        var complaints = heimdall.Api!.ReadLog().Split('\n').Where(line => line.Contains("fail:", StringComparison.Ordinal)
            || line.Contains("warn:", StringComparison.Ordinal));
        Assert.That(complaints, Is.All.Contains("The login of this cluster is a superuser")); // as it is in the tests
    }

    [Test]
    public async Task The_environment_configures_nothing(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        heimdall.Variables["Kestrel__Endpoints__Other__Url"] = "http://127.0.0.1:1";

        await heimdall.StartApiProcessAsync();

        (await heimdall.GetAsync("/healthz", cancellationToken)).AssertStatus(200);
    }
}
