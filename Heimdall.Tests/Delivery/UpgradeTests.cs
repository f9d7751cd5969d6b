using System.Net;
using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>A schema that another version of Heimdall has made, or is to make.</summary>
[CancelAfter(300_000)]
public sealed class UpgradeTests() : RealProcessTests(processes: 2)
{
    private const string TooOld = "The store's schema is for versions of Heimdall that know migration 998.";

    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Create() => _heimdall = await HeimdallInstance.CreateAsync(isFirstStart: true);

    [TearDown]
    public async Task Dispose() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_version_that_is_too_old_for_the_schema_stops_and_is_not_ready_again(
        CancellationToken cancellationToken)
    {
        await _heimdall.StartApiProcessAsync();
        var worker = _heimdall.StartWorkerProcess();
        await _heimdall.CloseGateAsync("old", cancellationToken);
        var running = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("old"), cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(running, cancellationToken), cancellationToken);

        await _heimdall.Store.ExecuteAsync(
            "insert into heimdall.schema_migration (scriptname, applied) values ('x.999_less.needs_998.sql', now())",
            cancellationToken);
        await Eventually.Becomes(
            () => Task.FromResult(worker.ReadLog()), () => Does.Contain(TooOld), cancellationToken);
        await _heimdall.OpenGateAsync("old", cancellationToken);

        foreach (var process in new[] { _heimdall.Api!, worker })
        {
            Assert.That(await process.WaitForExitAsync(cancellationToken), Is.EqualTo(1), process.ReadLog());
            Assert.That(process.ReadLog(), Does.Contain(TooOld));
        }
        Assert.That(
            await _heimdall.Store.ColumnAsync<string>("select status from heimdall.job", cancellationToken),
            Is.EqualTo(new[] { "SUCCEEDED" }));
        var again = _heimdall.StartProcess("Heimdall.Api");
        await Eventually.Becomes(
            () => Task.FromResult(again.ReadLog()), () => Does.Contain(TooOld), cancellationToken);
        await Eventually.Becomes(
            () => ReadinessAsync(cancellationToken), () => Is.EqualTo(HttpStatusCode.ServiceUnavailable),
            cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "delete from heimdall.schema_migration where scriptname like '%needs_998%'", cancellationToken);
        await Eventually.Becomes(
            () => ReadinessAsync(cancellationToken), () => Is.EqualTo(HttpStatusCode.OK), cancellationToken);
    }

    [Test]
    public async Task The_schema_can_be_made_before_any_process_is_replaced(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await HeimdallProcess.RunAsync(
            "Heimdall.Worker", cancellationToken, "--migrate", "--config", _heimdall.ConfigFile);

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.EndWith("the store's schema is up to date\n"));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.schema_migration", cancellationToken),
            Is.EqualTo(Migrations.Embedded.Count));
    }

    private async Task<HttpStatusCode?> ReadinessAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _heimdall.GetAsync("/readyz", cancellationToken)).Status;
        }
        catch (HttpRequestException)
        {
            return null; // it does not listen yet
        }
    }
}
