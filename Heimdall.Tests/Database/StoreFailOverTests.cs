using System.Net;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>A store of two servers: the one that can be written is found, also when it is another one.</summary>
[CancelAfter(240_000)]
public sealed class StoreFailOverTests() : RealProcessTests(processes: 1)
{
    // The standby comes first: it is passed over while it only reads. Or the primary does, and is silent then.
    [TestCase(false)]
    [TestCase(true)]
    public async Task The_standby_is_used_once_it_is_the_primary(bool isSilent, CancellationToken cancellationToken)
    {
        await using var primary = await RestartableServer.StartAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(storeServer: primary.ConnectionString);
        await using var standby = await primary.StartStandbyAsync();
        await using var road = new TcpProxy(primary.ConnectionString);
        var toPrimary = new NpgsqlConnectionStringBuilder(road.Through(primary.ConnectionString));
        var toStandby = new NpgsqlConnectionStringBuilder(standby.ConnectionString);
        string[] hosts = [$"{toStandby.Host}:{toStandby.Port}", $"{toPrimary.Host}:{toPrimary.Port}"];
        heimdall.Configure(config => config with
        {
            Store = $"postgresql://postgres@{string.Join(',', isSilent ? hosts.Reverse() : hosts)}"
                + $"/{heimdall.Store.Name}?target_session_attrs=read-write",
        });
        await heimdall.StartApiAsync();
        await heimdall.StartWorkerAsync();
        await RunAsync(heimdall, cancellationToken);
        await WaitForReplayAsync(heimdall, toStandby, cancellationToken);

        if (isSilent)
        {
            road.Freeze();
        }
        else
        {
            await road.CutAsync();
        }
        await Eventually.Becomes(
            async () => (await heimdall.GetAsync("/readyz", cancellationToken)).Text,
            () => Does.StartWith("not ready: "), cancellationToken);
        await standby.PromoteAsync(cancellationToken);

        await Eventually.Is(
            async () => (await heimdall.GetAsync("/readyz", cancellationToken)).Status == HttpStatusCode.OK,
            cancellationToken, TimeSpan.FromSeconds(60));
        await RunAsync(heimdall, cancellationToken);
    }

    private static async Task WaitForReplayAsync(
        HeimdallInstance heimdall, NpgsqlConnectionStringBuilder standby, CancellationToken cancellationToken)
    {
        var written = await heimdall.Store.ScalarAsync<string>("select pg_current_wal_lsn()::text", cancellationToken);
        await using var copy = NpgsqlDataSource.Create(standby.ConnectionString);
        await Eventually.Is(
            async () =>
            {
                await using var command = copy.CreateCommand($"select pg_last_wal_replay_lsn() >= '{written}'");
                return await command.ExecuteScalarAsync(cancellationToken) is true;
            },
            cancellationToken);
    }

    private static async Task RunAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var job = await Eventually.Becomes(
            () => heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, prefer: "wait=30"),
            () => Is.Not.Null.And.Matches<Reply>(reply => reply?.Status == HttpStatusCode.OK),
            cancellationToken, TimeSpan.FromSeconds(60));
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
    }
}
