using Heimdall.Core.Database;
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

    private static PostgresException Error(string sqlState) => new("message", "ERROR", "ERROR", sqlState);
}
