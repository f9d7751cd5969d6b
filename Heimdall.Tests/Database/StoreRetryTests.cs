using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>Which errors of the store are waited out, and which belong to what was asked of it.</summary>
public sealed class StoreRetryTests
{
    [TestCase("25006", Description = "failed over to a server that still only reads")]
    [TestCase("28P01")]
    [TestCase("42501")]
    [TestCase("40P01")]
    [TestCase("53000")]
    [TestCase("53100")]
    [TestCase("53200")]
    [TestCase("53300")]
    [TestCase("53400")]
    [TestCase("57014")]
    [TestCase("57P01")]
    [TestCase("57P02")]
    [TestCase("57P03")]
    [TestCase("58030")]
    public void Waits_out_what_is_the_store_s_own(string sqlState) =>
        Assert.That(StoreRetry.IsAway(Error(sqlState)), Is.True);

    [TestCase("22003")]
    [TestCase("23505")]
    [TestCase("42703")]
    [TestCase("54000")]
    [TestCase("P0001")]
    [TestCase("XX000")]
    [TestCase("XX001", Description = "a damaged row of one job must not hold up the writes of all others")]
    [TestCase("XX002")]
    public void Does_not_repeat_what_would_fail_again(string sqlState) =>
        Assert.That(StoreRetry.IsAway(Error(sqlState)), Is.False);

    [Test]
    public void Waits_out_a_connection_that_broke() =>
        Assert.That(StoreRetry.IsAway(new NpgsqlException("broken")), Is.True);

    [TestCase("42P01", Description = "a table that is being restored")]
    [TestCase("3F000")]
    public void Waits_out_a_schema_that_is_not_there(string sqlState) =>
        Assert.That(StoreRetry.IsAway(Error(sqlState)), Is.True);

    [Test]
    public void Waits_out_what_has_ended_the_session() =>
        Assert.That(
            StoreRetry.IsAway(new PostgresException("could not write init file", "FATAL", "FATAL", "XX000")), Is.True,
            "a server with a full disk refuses sessions so");

    [Test]
    [CancelAfter(30_000)]
    public async Task What_waits_says_so_at_once_and_again_and_says_when_it_is_done(CancellationToken cancellationToken)
    {
        var log = Path.GetTempFileName();
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(new LogFile(log)));
        await using var database = new StoreDatabase("Host=nowhere", "heimdall", "hangfire", ConnectionLimits.ForApi);
        var retry = new StoreRetry(database, logs.CreateLogger<StoreRetry>()) { LogInterval = TimeSpan.Zero };
        var rare = new StoreRetry(database, logs.CreateLogger<StoreRetry>());

        Assert.That(await EndJobAsync(retry, failures: 3, cancellationToken), Is.EqualTo(4));
        var often = await File.ReadAllLinesAsync(log, cancellationToken);
        Assert.That(await EndJobAsync(rare, failures: 3, cancellationToken), Is.EqualTo(4));
        var seldom = (await File.ReadAllLinesAsync(log, cancellationToken))[often.Length..];
        Assert.That(await EndJobAsync(rare, failures: 0, cancellationToken), Is.EqualTo(1));
        var all = await File.ReadAllLinesAsync(log, cancellationToken);
        File.Delete(log);

        Assert.That(often, Has.Exactly(3).Matches("EndJobAsync waits for the store, for [0-9]+ s so far: the store's login lacks a right: message"));
        Assert.That(seldom, Has.Exactly(1).Contains("EndJobAsync waits for the store"));
        Assert.That(seldom[^1], Does.Contain("EndJobAsync has waited for the store for ").And.EndWith(" s and is done"));
        Assert.That(all, Has.Length.EqualTo(often.Length + seldom.Length), "what need not wait says nothing");
    }

    private static Task<int> EndJobAsync(StoreRetry retry, int failures, CancellationToken cancellationToken)
    {
        var tries = 0;
        return retry.RunAsync(
            _ => ++tries > failures ? Task.FromResult(tries) : throw Error("42501"), cancellationToken);
    }

    private static PostgresException Error(string sqlState) => new("message", "ERROR", "ERROR", sqlState);
}
