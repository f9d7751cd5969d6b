using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>One process does the upkeep of all, whichever it is.</summary>
[CancelAfter(120_000)]
public sealed class KeeperTests
{
    private const string KeeperSql =
        "select pid from pg_stat_activity where datname = current_database() and application_name = 'heimdall keeper'";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(worker: false);
        await _heimdall.StartWorkerAsync();
        await _heimdall.StartWorkerAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task One_of_three_processes_is_the_keeper_and_the_next_when_its_session_ends(
        CancellationToken cancellationToken)
    {
        var first = await FindKeeperAsync(cancellationToken);

        await _heimdall.Store.ExecuteAsync("select pg_terminate_backend($1)", cancellationToken, first);

        var next = await Eventually.Becomes(
            () => FindKeeperAsync(cancellationToken), () => Is.Not.EqualTo(first), cancellationToken);
        Assert.That(next, Is.Positive);
    }

    /// <summary>The backend of the keeper, once there is one.</summary>
    private Task<int> FindKeeperAsync(CancellationToken cancellationToken) => Eventually.Becomes(
        async () => (await _heimdall.Store.ColumnAsync<int>(KeeperSql, cancellationToken)) is [var pid] ? pid : 0,
        () => Is.Positive, cancellationToken);
}
