using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Names, types and values are the server's, whatever is done to settings and types meanwhile.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class QueryExactnessTests
{
    private const string SecondConnections =
        """
        select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'heimdall control'
        """;

    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync(
            """
            create table written (i int);
            create function speak_latin() returns text language plpgsql as $$
                begin insert into written values (1); perform set_config('client_encoding', 'LATIN1', true); return 'é'; end $$;
            create procedure talk_latin(inout t text) language plpgsql as $$
                begin perform set_config('client_encoding', 'LATIN1', true); t := 'é'; end $$;
            create view latin as select set_config('client_encoding', 'LATIN1', true) as set, 'é' as text;
            create schema own;
            create domain own.text as varchar check (value <> 'no');
            create type own.mood as enum ('sad');
            """);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("select speak_latin()")]
    [TestCase("insert into written values (2) returning speak_latin()")]
    [TestCase("copy (select speak_latin()) to stdout")]
    [TestCase("select 'é', set_config('client_encoding', 'LATIN1', false)")]
    public async Task Rows_in_another_encoding_are_refused_and_what_was_written_is_undone(
        string sql, CancellationToken cancellationToken)
    {
        var failure = await FailAsync(sql, cancellationToken);

        Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, true)));
        Assert.That(failure.Message, Does.Contain("client_encoding"));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from written", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Rows_between_two_changes_of_the_encoding_are_refused(CancellationToken cancellationToken)
    {
        const string Change =
            """
            case i when 2 then set_config('client_encoding', 'LATIN1', false)
                when 3 then set_config('client_encoding', 'UTF8', false) end
            """;

        var failure = await FailAsync($"select {Change}, 'é' from generate_series(1, 4) i", cancellationToken);

        Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, true)));
        Assert.That(failure.Message, Does.Contain("client_encoding"));
    }

    [Test]
    public async Task Rows_of_a_view_that_changes_the_encoding_are_refused(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("select * from latin", cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain("client_encoding"));
    }

    [TestCase("select (-56)::\"char\", length('é')")]
    [TestCase("select array[(-56)::\"char\"], length('é')")]
    public async Task A_byte_is_not_taken_for_text_in_another_encoding(
        string sql, CancellationToken cancellationToken)
    {
        var results = await RunAsync(sql, cancellationToken);

        Assert.That(results.Rows.Single()[1], Is.EqualTo("1"));
    }

    [Test]
    public async Task Values_of_a_procedure_in_another_encoding_are_refused(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("call talk_latin('x')", cancellationToken);

        Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, false)));
    }

    [Test]
    public async Task What_has_no_rows_and_commits_by_itself_may_change_the_encoding(
        CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table alone (i int)");

        await RunAsync(
            "do $$ begin insert into alone values (1); commit; perform set_config('client_encoding', 'LATIN1', false); "
            + "insert into alone values (2); end $$",
            cancellationToken);

        Assert.That(await _server.ScalarAsync<long>("select count(*) from alone", cancellationToken), Is.EqualTo(2));
    }

    [TestCase("ISO, MDY", "2024-01-02T03:04:05Z")]
    [TestCase("SQL, MDY", "01/02/2024 03:04:05 +00")]
    [TestCase("German", "02.01.2024 03:04:05 +00")]
    [TestCase("Postgres, MDY", "Tue Jan 02 03:04:05 2024 +00")]
    public async Task A_time_is_written_as_the_server_shows_it_when_a_function_has_changed_the_form(
        string style, string expected, CancellationToken cancellationToken)
    {
        var rows = await RunAsync(
            $"select '2024-01-02 03:04:05+00'::timestamptz from set_config('DateStyle', '{style}', true) form, "
            + "set_config('TimeZone', '<+00>0', true) zone",
            cancellationToken);

        Assert.That(rows.Rows.Single(), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public async Task A_type_has_the_name_that_it_has_now(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create type first_name as enum ('a')");
        var before = await RunAsync("select 'a'::first_name, array['a']::first_name[]", cancellationToken);

        await _server.ExecuteAsync("alter type first_name rename to second_name");

        var after = await RunAsync("select 'a'::second_name, array['a']::second_name[]", cancellationToken);
        Assert.That(before.Columns!.Select(column => column.Type), Is.EqualTo(new[] { "first_name", "first_name[]" }));
        Assert.That(after.Columns!.Select(column => column.Type), Is.EqualTo(new[] { "second_name", "second_name[]" }));
    }

    [Test]
    public async Task A_type_has_its_name_when_the_second_connection_has_died(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await server.ExecuteAsync("create type mood as enum ('sad')");
        await DescribeAsync(server, "select 'sad'::mood", cancellationToken);

        await EndSecondConnectionsAsync(server, cancellationToken);

        Assert.That(await DescribeAsync(server, "select 'sad'::mood", cancellationToken), Is.EqualTo("mood"));
    }

    [Test]
    public async Task A_built_in_type_is_asked_for_once(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await DescribeAsync(server, "select '0/0'::pg_lsn", cancellationToken);
        await EndSecondConnectionsAsync(server, cancellationToken);

        Assert.That(await DescribeAsync(server, "select '0/0'::pg_lsn", cancellationToken), Is.EqualTo("pg_lsn"));

        Assert.That(await server.ScalarAsync<long>(SecondConnections, cancellationToken), Is.Zero);
    }

    [TestCase("own, pg_catalog", "text", "own.text")]
    [TestCase("own, public", "text", "text")]
    [TestCase("pg_catalog, own", "text", "text")]
    [TestCase("own, pg_catalog", "integer", "integer")]
    public async Task A_parameter_s_type_is_found_along_the_search_path(
        string searchPath, string type, string found, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var context = new JsonObject
        {
            ["query"] = "select pg_typeof($1) = $2::regtype",
            ["return_result"] = true,
            ["search_path"] = searchPath,
            ["parameters"] = new JsonArray(
                new JsonObject { ["type"] = type, ["value"] = "1" }, found == "text" ? "pg_catalog.text" : found),
        };

        await _server.Plugin.RunAsync(
            _server.Job(context.ToJsonString(), results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "t" }));
    }

    [Test]
    public async Task What_is_copied_to_a_program_has_changed_no_rows(CancellationToken cancellationToken)
    {
        var progress = await _server.Plugin.RunAsync(
            _server.Query("copy (select generate_series(1, 3)) to program 'cat > /dev/null'", new FakeResultWriter()),
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That((progress.RowCount, progress.RowsAffected), Is.EqualTo((0L, (long?)null)));
    }

    [TestCase("select ''", "")]
    [TestCase("select null", null)]
    [TestCase("select E'\\n'", "\n")]
    [TestCase("select E' \\t '", " \t ")]
    [TestCase("select E'\\u00FF\\u00FE' || E'\\uFEFF'", "\u00FF\u00FE\uFEFF")]
    [TestCase("select U&'\\FEFFa'", "\uFEFFa")]
    [TestCase("select '😀'", "😀")]
    [TestCase("copy (select '') to stdout", "")]
    [TestCase("copy (select null) to stdout", "\\N")]
    [TestCase("copy (select E'a\\r') to stdout", "a\\r")]
    [TestCase("copy (select E'a\\r\\n') to stdout (format csv)", "\"a\r\n\"")]
    public async Task A_value_has_its_first_and_its_last_byte(
        string sql, string? expected, CancellationToken cancellationToken)
    {
        var results = await RunAsync(sql, cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public async Task A_query_is_read_as_the_login_reads_strings(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await server.ExecuteAsync(
            """
            do $$ begin
                execute format('alter database %I set standard_conforming_strings = off', current_database());
                execute format('alter database %I set escape_string_warning = off', current_database());
            end $$
            """);
        var results = new FakeResultWriter();

        await server.Plugin.RunAsync(
            server.Query(@"select 'a\'; b' as v", results), new FakeJobMonitor(), cancellationToken);
        var two = await Assert.ThrowsAsync<JobFailedException>(() => server.Plugin.RunAsync(
            server.Query(@"select 'a\', ';select 2 --'", new FakeResultWriter()),
            new FakeJobMonitor(),
            cancellationToken));

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "a'; b" }));
        Assert.That(two!.Failure.Kind, Is.EqualTo(JobFailureKind.Refused));
    }

    [Test]
    public async Task A_login_that_reads_strings_as_usual_refuses_what_needs_the_other_way(
        CancellationToken cancellationToken)
    {
        var failure = await FailAsync(@"select 'a\'; b' as v", cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain("quoted string has no end"));
    }

    private async Task<FakeResultWriter> RunAsync(string sql, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        await _server.Plugin.RunAsync(_server.Query(sql, results), new FakeJobMonitor(), cancellationToken);
        return results;
    }

    private async Task<JobFailure> FailAsync(string sql, CancellationToken cancellationToken) =>
        (await Assert.ThrowsAsync<JobFailedException>(() => RunAsync(sql, cancellationToken)))!.Failure;

    private static async Task<string> DescribeAsync(
        PluginTestServer server, string sql, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        await server.Plugin.RunAsync(server.Query(sql, results), new FakeJobMonitor(), cancellationToken);
        return results.Columns!.Single().Type;
    }

    private static async Task EndSecondConnectionsAsync(PluginTestServer server, CancellationToken cancellationToken)
    {
        await server.ScalarAsync<long>(
            SecondConnections.Replace("count(*)", "count(pg_terminate_backend(pid))", StringComparison.Ordinal),
            cancellationToken);
        await Eventually.Is(
            async () => await server.ScalarAsync<long>(SecondConnections, cancellationToken) == 0, cancellationToken);
    }
}
