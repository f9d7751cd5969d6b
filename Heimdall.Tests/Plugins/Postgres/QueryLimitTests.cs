using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A limit leaves out rows, and never the effects of a query that succeeds.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(120_000)]
public sealed class QueryLimitTests
{
    // Roles are those of the whole server, where another run of the tests may be.
    private readonly string _reader = $"reads_guarded_{Guid.NewGuid():N}";

    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync(
            $"""
            create table effect (name text, i int);
            create function affect(name text, i int) returns int language plpgsql as $$
                begin insert into effect values (name, i); return i; end $$;
            create table locked as select generate_series(1, 20000) i;
            create function affect_late(name text, fails boolean) returns int language plpgsql as $$
                begin
                    raise notice 'All rows so far are sent with this.';
                    perform pg_sleep(600);
                exception when query_canceled then
                    insert into effect values (name, 1);
                    if fails then raise exception 'canceled' using errcode = 'query_canceled'; end if;
                    return 1;
                end $$;
            create function seem_stable(name text, fails boolean) returns int stable language plpgsql as $$
                begin return affect_late(name, fails); end $$;
            create function announce(channel text, i int) returns text language plpgsql as $$
                begin perform pg_notify(channel, i::text); perform pg_sleep(0.001); return repeat('x', 2000); end $$;
            create operator !!> (leftarg = text, rightarg = int, function = announce);
            create type spoken as (channel text, i int);
            create function speak(s spoken) returns text language sql as 'select announce(s.channel, s.i)';
            create cast (spoken as text) with function speak(spoken);
            create function announce_next(done text, channel text, i int) returns text language sql as
                'select announce(channel, i)';
            create aggregate announce_all (channel text, i int) (sfunc = announce_next, stype = text);
            create domain heard as int check (announce('domain', value) is not null);
            create domain heard_in_view as int check (announce('domain in a view', value) is not null);
            create domain heard_by_call as int check (announce('domain of a parameter', value) is not null);
            create function same(i heard_by_call) returns int immutable language sql as 'select i';
            create view hearing as
                select i::heard_in_view, repeat('x', 2000) from generate_series(1, 300) i;
            create view announcing as
                select pg_notify('view', i::text) is null as sent, pg_sleep(0.001) is null as slept, repeat('x', 2000)
                from generate_series(1, 300) i;
            create table guarded as select generate_series(1, 300) i;
            create policy announced on guarded using (announce('policy', i) is not null);
            alter table guarded enable row level security, force row level security;
            create role {_reader};
            grant select on guarded to {_reader};
            """);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _server.ExecuteAsync($"drop owned by {_reader}; drop role {_reader}");
        await _server.DisposeAsync();
    }

    [Test]
    public async Task What_a_function_writes_is_not_undone_by_a_limit(
        [Values("row_limit", "byte_limit", "max_row_limit", "max_byte_limit")] string limit,
        [Values(6, 500, 20000)] int rows,
        CancellationToken cancellationToken)
    {
        var name = $"{limit} {rows}";
        var results = new FakeResultWriter();

        var progress = await RunAsync(
            $"select affect('{name}', i) from generate_series(1, {rows}) i", limit, 5, results, cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((5L, true)));
        Assert.That(results.Rows.Select(row => row[0]), Is.EqualTo(new[] { "1", "2", "3", "4", "5" }));
        Assert.That(await CountAsync(name, cancellationToken), Is.EqualTo(rows));
    }

    [TestCase("copy (select affect('copy', i) from generate_series(1, 20000) i) to stdout", "copy")]
    [TestCase("with a as (select affect('with', i) as i from generate_series(1, 20000) i) select i from a", "with")]
    [TestCase(
        "with a as (insert into effect select 'last', generate_series(1, 20000)) select generate_series(1, 20000)",
        "last", Description = "the INSERT is done when the rows are sent")]
    public async Task Nor_in_any_other_statement(string sql, string name, CancellationToken cancellationToken)
    {
        var progress = await RunAsync(sql, "row_limit", 5, new FakeResultWriter(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((5L, true)));
        Assert.That(await CountAsync(name, cancellationToken), Is.EqualTo(20000));
    }

    [Test]
    public async Task A_query_that_begins_to_write_while_a_limit_stops_it_succeeds_with_its_effects_or_fails(
        [Values] bool fails,
        [Values("row_limit", "byte_limit", "results.max_bytes")] string limit,
        CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter { Room = limit == "results.max_bytes" ? 5 : null };
        var name = $"late {limit} {fails}";
        var run = RunAsync(
            $"select case when i < 10 then i else seem_stable('{name}', {fails}) end from generate_series(1, 10) i",
            limit, 5, results, cancellationToken);

        if (fails)
        {
            var failure = (await Assert.ThrowsAsync<JobFailedException>(() => run)).Failure;
            Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, true)), failure.Message);
        }
        else
        {
            Assert.That(await run, Has.Property(nameof(JobProgress.Truncated)).EqualTo(true));
        }

        Assert.That(await CountAsync(name, cancellationToken), Is.EqualTo(fails ? 0 : 1));
    }

    [Test]
    public async Task A_query_whose_server_cannot_be_reached_at_its_limit_is_stopped_when_it_can(
        CancellationToken cancellationToken)
    {
        const int Refusals = 3; // more than one question opens at most
        await using var proxy = new TcpProxy(_server.ConnectionString);
        using var nobody = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        var away = new NpgsqlConnectionStringBuilder(_server.ConnectionString)
        {
            Host = "127.0.0.1",
            Port = ((IPEndPoint)nobody.LocalEndpoint).Port,
        };
        var results = new FakeResultWriter
        {
            OnRow = rows =>
            {
                if (rows == 1)
                {
                    proxy.Turn(away.ConnectionString);
                }
            },
        };
        var job = Job("select generate_series(1, 1000000000000)", "row_limit", 5, results) with
        {
            TargetCluster = new PluginCluster(
                "limit_behind_a_proxy",
                new JsonObject { ["connection_string"] = proxy.Through(_server.ConnectionString) }),
        };

        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);
        for (var refused = 0; refused < Refusals; refused++)
        {
            (await nobody.AcceptSocketAsync(cancellationToken)).Dispose();
        }

        proxy.Turn(_server.ConnectionString);

        Assert.That((await run).Truncated, Is.True);
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_query_that_fails_behind_its_limit_has_not_succeeded(CancellationToken cancellationToken)
    {
        var run = RunAsync(
            "select affect('fails', i) / (1500 - i) from generate_series(1, 2000) i", "row_limit", 5,
            new FakeResultWriter(), cancellationToken);

        Assert.That((await Assert.ThrowsAsync<JobFailedException>(() => run)).Failure.SqlState, Is.EqualTo("22012"));
        Assert.That(await CountAsync("fails", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_query_that_goes_on_behind_its_limit_is_not_taken_for_done_when_it_is_cancelled(
        CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var job = Job(
            "select affect('waits', i), case when i = 2000 then pg_sleep(600) end from generate_series(1, 2000) i",
            "row_limit", 5, results);
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);
        await CancelWhenAsleepAsync(job, cancellationToken);

        Assert.That((await Assert.ThrowsAsync<JobFailedException>(() => run)).Failure.SqlState, Is.EqualTo("57014"));
        Assert.That(await CountAsync("waits", cancellationToken), Is.Zero);
    }

    [TestCase(
        "named",
        "select pg_notify('named', i::text), pg_sleep(0.001), repeat('x', 2000) from generate_series(1, 300) i",
        false)]
    [TestCase(
        "quoted",
        "select \"pg_notify\"('quoted', i::text), pg_sleep(0.001), repeat('x', 2000) from generate_series(1, 300) i",
        false)]
    [TestCase("within", "select Announce ('within', i) from generate_series(1, 300) i", false)]
    [TestCase("view", "select * from announcing", false)]
    [TestCase("operator", "select 'operator' !!> i from generate_series(1, 300) i", false)]
    [TestCase("cast", "select row('cast', i)::spoken::text from generate_series(1, 300) i", false)]
    [TestCase(
        "aggregate",
        "select announce_all('aggregate', i), pg_sleep(0.001) from generate_series(1, 300) i group by i", false)]
    [TestCase("domain", "select i::heard, repeat('x', 2000) from generate_series(1, 300) i", false)]
    [TestCase("domain in a view", "select * from hearing", false)]
    [TestCase(
        "domain of a parameter", "select same(i), repeat('x', 2000) from generate_series(1, 300) i", false)]
    [TestCase(
        "field", "select (s).speak from (select row('field', i)::spoken as s from generate_series(1, 300) i) as t",
        false)]
    [TestCase("policy", "select i, repeat('x', 2000) from guarded", true)]
    public async Task A_notification_is_sent_whatever_rows_are_left_out(
        string channel, string sql, bool isGuarded, CancellationToken cancellationToken)
    {
        await using var listener = await _server.Sql.OpenConnectionAsync(cancellationToken);
        var heard = 0;
        listener.Notification += (_, _) => heard++;
        await using (var listen = new NpgsqlCommand($"listen \"{channel}\"", listener))
        {
            await listen.ExecuteNonQueryAsync(cancellationToken);
        }

        var job = Job(sql, "row_limit", 5, new FakeResultWriter());
        job.Context["role"] = isGuarded ? _reader : null;
        var progress = await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((5L, true)));
        while (heard < 300)
        {
            await listener.WaitAsync(cancellationToken);
        }
    }

    [TestCase("select generate_series(1, 1000000000000), random()")]
    [TestCase("select generate_series(1, 1000000000000), 'announce(1)' /* affect(1) */")]
    public async Task What_leaves_nothing_behind_is_stopped_at_its_limit(
        string sql, CancellationToken cancellationToken)
    {
        var progress = await RunAsync(sql, "row_limit", 5, new FakeResultWriter(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((5L, true)));
    }

    [TestCase("select affect('whole', 1), repeat('x', 999)", true)]
    [TestCase("select affect('long', i), repeat('x', 1000) from generate_series(1, 2) i", false)]
    [TestCase("select affect('last', i), repeat('x', 500 * (i - 1)) from generate_series(1, 20000) i", false)]
    [TestCase("copy (select affect('copied', 1), repeat('x', 2000000)) to stdout", false)]
    [TestCase("insert into effect values ('returned', 1) returning repeat('x', 2000000)", false)]
    public async Task A_row_above_the_ceiling_of_the_command_fails_the_query(
        string sql, bool fits, CancellationToken cancellationToken)
    {
        var name = sql.Split('\'')[1];

        var run = RunAsync(sql, "max_row_bytes", 1000, new FakeResultWriter(), cancellationToken);

        if (fits)
        {
            Assert.That((await run).RowCount, Is.EqualTo(1));
        }
        else
        {
            var failure = (await Assert.ThrowsAsync<JobFailedException>(() => run)).Failure;
            Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, true)), failure.Message);
            Assert.That(failure.Message, Does.Contain("longer than 1000 bytes").And.Contain("max_row_bytes"));
        }

        Assert.That(await CountAsync(name, cancellationToken), Is.EqualTo(fits ? 1 : 0));
    }

    [Test]
    public async Task The_ceiling_of_a_row_is_64_megabytes_where_none_is_set(CancellationToken cancellationToken)
    {
        var run = RunAsync(
            "select repeat('x', 64 * 1024 * 1024 + 1)", "row_limit", 5, new FakeResultWriter(), cancellationToken);

        Assert.That(
            (await Assert.ThrowsAsync<JobFailedException>(() => run)).Failure.Message, Does.Contain("67108864 bytes"));
    }

    [Test]
    public async Task A_byte_limit_below_the_ceiling_cuts_the_result(CancellationToken cancellationToken)
    {
        var progress = await RunAsync(
            "select repeat('x', 2000000)", "byte_limit", 1000, new FakeResultWriter(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((0L, true)));
    }

    private async Task CancelWhenAsleepAsync(PluginJob job, CancellationToken cancellationToken)
    {
        var cancel =
            $"""
            select count(pg_cancel_backend(pid)) from pg_stat_activity
            where application_name like 'heimdall {job.Id} %' and wait_event = 'PgSleep'
            """;
        await Eventually.Is(
            async () => await _server.ScalarAsync<long>(cancel, cancellationToken) > 0, cancellationToken);
    }

    private Task<long> CountAsync(string name, CancellationToken cancellationToken) => _server.ScalarAsync<long>(
        $"select count(*) from effect where name = '{name}'", cancellationToken);

    private Task<JobProgress> RunAsync(
        string sql, string limit, int value, IResultWriter results, CancellationToken cancellationToken) =>
        _server.Plugin.RunAsync(Job(sql, limit, value, results), new FakeJobMonitor(), cancellationToken);

    private PluginJob Job(string sql, string limit, int value, IResultWriter results)
    {
        var context = new JsonObject { ["query"] = sql, ["return_result"] = true };
        var command = new JsonObject();
        if (!limit.StartsWith("results.", StringComparison.Ordinal))
        {
            (limit.StartsWith("max_", StringComparison.Ordinal) ? command : context)[limit] = value;
        }

        return _server.Job(context.ToJsonString(), results, command.ToJsonString());
    }
}
