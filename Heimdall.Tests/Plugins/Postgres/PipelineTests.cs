using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Wire;
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
    public async Task The_stream_of_a_connection_can_be_taken_and_given_back(CancellationToken cancellationToken)
    {
        await using var connection = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await using (var setting = new NpgsqlCommand("set application_name = 'taken'", connection))
        {
            await setting.ExecuteNonQueryAsync(cancellationToken);
        }

        var stream = await OpenedStream.TakeAsync(connection, cancellationToken);
        await stream.WriteAsync(new byte[] { (byte)'S', 0, 0, 0, 4 }, cancellationToken);
        var answer = new byte[6];
        await stream.ReadExactlyAsync(answer, cancellationToken);

        Assert.That(answer, Is.EqualTo(new byte[] { (byte)'Z', 0, 0, 0, 5, (byte)'I' }), "a Sync is answered by ReadyForQuery");
        await using var question = new NpgsqlCommand("show application_name", connection);
        Assert.That(await question.ExecuteScalarAsync(cancellationToken), Is.EqualTo("taken"));
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
        Assert.That(monitor.Err.First(), Has.Length.GreaterThan(1_000_000));
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
