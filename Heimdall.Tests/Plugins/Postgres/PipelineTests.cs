using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>The protocol that batches speak on a connection that Npgsql has opened.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(120_000)]
public sealed class PipelineTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public void What_is_used_of_Npgsqls_insides_is_there() => Assert.That(ServerStream.Check, Throws.Nothing);

    [Test]
    public async Task A_connection_that_is_taken_says_what_it_is(CancellationToken cancellationToken)
    {
        await using var connection = await _server.Sql.OpenConnectionAsync(cancellationToken);
        var session = await ServerStream.TakeAsync(connection, _ => { }, cancellationToken);

        var rows = await session.AskAsync(
            onNotice: null, "begin", "set local client_encoding to 'LATIN1'", new Question("select $1, null::text", "é"));
        var during = (session.Transaction, session.ClientEncoding);
        await session.AskAsync(onNotice: null, "rollback");

        Assert.That(rows, Is.EqualTo(new[] { new[] { "é", null } }));
        Assert.That(during, Is.EqualTo((TransactionStatus.Open, "LATIN1")));
        Assert.That((session.Transaction, session.ClientEncoding, session.IsIdle), Is.EqualTo((TransactionStatus.Idle, "UTF8", true)));
    }

    [Test]
    public async Task An_error_leaves_a_session_in_order(CancellationToken cancellationToken)
    {
        await using var connection = await _server.Sql.OpenConnectionAsync(cancellationToken);
        var session = await ServerStream.TakeAsync(connection, _ => { }, cancellationToken);

        var error = await Assert.ThrowsAsync<PostgresException>(() => session.AskAsync(onNotice: null, "begin", "select 1/0", "select 2"));
        var during = session.Transaction;
        await session.AskAsync(onNotice: null, "rollback");

        Assert.That((error!.SqlState, during), Is.EqualTo(("22012", TransactionStatus.Failed)));
        Assert.That(await session.AskAsync(onNotice: null, "select 3"), Is.EqualTo(new[] { new[] { "3" } }));
    }

    [Test]
    public async Task A_statement_of_100_megabytes_passes(CancellationToken cancellationToken)
    {
        const int Length = 100 * 1024 * 1024;
        var path = Path.Combine(_server.Directory, "large.sql");
        await using (var file = new StreamWriter(path, append: false, Encoding.ASCII))
        {
            await file.WriteAsync("create table large (t text);\ninsert into large values ('");
            for (var i = 0; i < Length / 64; i++)
            {
                await file.WriteAsync("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
            }

            await file.WriteAsync("');\nselect 1;");
        }

        var progress = await _server.Plugin.RunAsync(_server.Batch("large.sql"), new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(3));
        Assert.That(await _server.ScalarAsync<int>("select length(t) from large", cancellationToken), Is.EqualTo(Length));
    }

    [Test]
    public async Task Answers_longer_than_any_buffer_do_not_stop_it(CancellationToken cancellationToken)
    {
        // Rows, a notice and an error of a megabyte each, behind more statements than are sent at once.
        var sql = string.Concat(Enumerable.Repeat("select repeat('x', 100000);\n", 300))
            + "do $$ begin raise notice '%', repeat('n', 1000000); end $$;\ncopy (select repeat('c', 1000000) from generate_series(1, 20)) to stdout;\ndo $$ begin raise '%', repeat('e', 1000000); end $$;";
        var monitor = new FakeJobMonitor();

        var failed = await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(_server.Batch(sql), monitor, cancellationToken));

        Assert.That((failed!.Failure.Message.Length, failed.Failure.Errors[0].Statement), Is.EqualTo((8194, (int?)303)));
        Assert.That(monitor.Err.First(), Has.Length.InRange(32 * 1024, 33 * 1024).And.Contains("nnn …"));
    }

    [Test]
    public async Task Neither_side_waits_for_the_other_to_read(CancellationToken cancellationToken)
    {
        // More is sent, and more is answered, than both sockets hold.
        var sql = string.Concat(Enumerable.Range(0, 3000).Select(i => $"select '{new string('q', 3000)}' as a{i};\n"));

        var progress = await _server.Plugin.RunAsync(_server.Batch(sql), new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(3000));
    }

    [Test]
    public async Task Announcements_of_the_server_in_between_do_no_harm(CancellationToken cancellationToken)
    {
        var sql = "listen news;\n" + string.Concat(Enumerable.Repeat("notify news, 'x';\nset work_mem = '2MB';\nselect 1;\n", 200)) + "set application_name = 'other';";

        var progress = await _server.Plugin.RunAsync(
            _server.Job(new System.Text.Json.Nodes.JsonObject { ["query"] = sql, ["transaction"] = "none" }.ToJsonString()), new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(602));
    }

    [TestCase("INSERT 0 3", "INSERT", 3)]
    [TestCase("INSERT 0 0", "INSERT", 0)]
    [TestCase("UPDATE 12", "UPDATE", 12)]
    [TestCase("COPY 5000000000", "COPY", 5_000_000_000)]
    [TestCase("CREATE TABLE", "CREATE TABLE", 0)]
    [TestCase("REFRESH MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW", 0)]
    [TestCase("", "", 0)]
    public void A_command_tag_names_the_command_and_its_rows(string tag, string command, long rows) =>
        Assert.That(CommandOutcome.Read(Encoding.ASCII.GetBytes($"{tag}\0")), Is.EqualTo(new CommandOutcome(command, rows)));
}
