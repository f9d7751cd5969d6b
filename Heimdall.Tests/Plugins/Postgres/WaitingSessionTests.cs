using Heimdall.Plugins.Postgres.Sessions;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A batch that must wait for the store with its transaction open.</summary>
[CancelAfter(60_000)]
public sealed class WaitingSessionTests
{
    [Test]
    public async Task A_transaction_that_waits_for_the_store_is_not_idle(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await using var pool = ClusterPool.Create("test", server.ConnectionString, pooler: null);
        var settings = new SessionSettings { ApplicationName = "waiting", Values = [new("idle_in_transaction_session_timeout", "1s")] };
        await using var session = await ClusterSession.OpenAsync(
            pool, SessionUse.Script, timeout: null, cancellationToken);
        await session.SetUpAsync(settings, inTransaction: true, cancellationToken);
        await session.AskAsync(cancellationToken, "create table waited (i int)");

        await session.AwaitAsync(Task.Delay(TimeSpan.FromSeconds(4), cancellationToken), TimeSpan.FromMilliseconds(200), cancellationToken);
        await session.AskAsync(cancellationToken, "commit");

        Assert.That(await server.ScalarAsync<bool>("select to_regclass('waited') is not null", cancellationToken), Is.True);
    }

    [Test]
    public async Task What_is_waited_for_may_fail(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await using var pool = ClusterPool.Create("test", server.ConnectionString, pooler: null);
        await using var session = await ClusterSession.OpenAsync(
            pool, SessionUse.Script, timeout: null, cancellationToken);

        Assert.That(
            async () => await session.AwaitAsync(Task.FromException(new InvalidOperationException("no")), TimeSpan.FromSeconds(1), cancellationToken),
            Throws.InvalidOperationException);
    }
}
