using Heimdall.Core.Queue;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>Statements without a limit of their own, as Hangfire's storage sends them.</summary>
[CancelAfter(60_000)]
public sealed class StatementLimitTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    [Test]
    public async Task A_statement_to_a_silent_server_ends(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await using var source = NpgsqlDataSource.Create(proxy.Through(TestDatabase.ServerConnectionString));
        using var limit = new StatementLimit(Limit);
        await using var connection = limit.Watch(source.CreateConnection());
        await connection.OpenAsync(cancellationToken);
        proxy.Strand();

        var error = await Assert.ThrowsAsync<NpgsqlException>(() => Task.Run(() => Execute(connection, "select 1"), cancellationToken));

        Assert.That(error!.IsTransient, Is.True);
        await using var other = limit.Watch(source.CreateConnection());
        await other.OpenAsync(cancellationToken);
        Assert.That(Execute(other, "select 1"), Is.EqualTo(1));
    }

    [Test]
    public async Task What_waits_for_notifications_and_what_is_idle_lives_on(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(TestDatabase.ServerConnectionString);
        using var limit = new StatementLimit(Limit);
        await using var waiting = limit.Watch(source.CreateConnection());
        await using var idle = limit.Watch(source.CreateConnection());
        await waiting.OpenAsync(cancellationToken);
        await idle.OpenAsync(cancellationToken);
        Execute(waiting, "listen statement_limit");

        var isNotified = waiting.WaitAsync(TimeSpan.FromSeconds(3), cancellationToken); // three times the limit

        Assert.That(await isNotified, Is.False);
        Assert.That((Execute(waiting, "select 1"), Execute(idle, "select 1")), Is.EqualTo((1, 1)));
    }

    private static object? Execute(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return command.ExecuteScalar();
    }
}
