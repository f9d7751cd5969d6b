using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Clusters behind PgBouncer, which gives each transaction or each session a backend.</summary>
[CancelAfter(120_000)]
public sealed class PoolerTests() : RealProcessTests(processes: 1)
{
    private const string State =
        "concat_ws(' ', current_setting('search_path'), current_setting('work_mem'), current_user, session_user, "
        + "current_setting('statement_timeout'))";

    private PluginTestServer _server = null!;
    private PgBouncer _pooler = null!;
    private string _stranger = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        _stranger = $"stranger_{Guid.NewGuid():N}";
        await _server.ExecuteAsync(
            $"""
            create role {_stranger};
            create table kept (place text, i int);
            create schema own; create table own.kept (place text, i int);
            create schema others; create table others.kept (place text, i int);
            grant usage on schema public, own, others to {_stranger};
            grant all on kept, own.kept, others.kept to {_stranger};
            """);
        _pooler = await PgBouncer.StartAsync(_server.ConnectionString);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _pooler.DisposeAsync();
        await _server.ExecuteAsync($"drop owned by {_stranger}; drop role {_stranger}");
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_job_has_its_own_settings_and_other_clients_keep_theirs(
        [Values("single", "query", "inline", "read only")] string kind, CancellationToken cancellationToken)
    {
        var others =
            $"set search_path = others; set work_mem = '3MB'; set statement_timeout = '77s'; set role {_stranger}";
        await OnEveryBackendAsync($"{others}; select 1");
        var before = await OnEveryBackendAsync($"select {State}");

        for (var round = 0; round < 2 * PgBouncer.Backends; round++)
        {
            var isOwn = round % 2 == 0;
            await RunAsync(kind, isOwn ? "own" : null, isOwn ? _stranger : null, cancellationToken);
        }

        Assert.That(before.Distinct().Single(), Does.StartWith($"others 3MB {_stranger} ").And.EndsWith(" 77s"));
        Assert.That(await OnEveryBackendAsync($"select {State}"), Is.EqualTo(before));
        await OnEveryBackendAsync("discard plans; reset all; reset role; select 1");
    }

    [TestCase("set search_path = own; set work_mem to '9MB'; set statement_timeout = 0; insert into kept values ('own');")]
    [TestCase("select set_config('search_path', 'own', false), set_config('my.own', 'x', false); insert into own.kept values ('');")]
    [TestCase("set role {0}; set my.own = 'x'; insert into own.kept values ('own', 7);")]
    [TestCase("set session authorization {0}; insert into own.kept values ('own', 7);")]
    [TestCase("create temp table left_behind as select 7 as i; insert into own.kept select 'own', i from left_behind;")]
    public async Task Nothing_of_a_script_is_left_in_a_backend(string script, CancellationToken cancellationToken)
    {
        const string Left =
            "concat_ws('/', nullif(current_setting('my.own', true), ''), "
            + "current_setting('client_connection_check_interval'), "
            + "(select count(*) from pg_class where relname = 'left_behind'))";
        await _server.ExecuteAsync("truncate own.kept");
        var before = await OnEveryBackendAsync($"select {State} || {Left}");

        await _server.Plugin.RunAsync(
            Job(new() { ["query"] = string.Format(null, script, _stranger) }), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<long>("select count(*) from own.kept", cancellationToken), Is.EqualTo(1));
        Assert.That(await OnEveryBackendAsync($"select {State} || {Left}"), Is.EqualTo(before));
    }

    [Test]
    public async Task A_function_that_a_query_calls_leaves_nothing_either(CancellationToken cancellationToken)
    {
        var before = await OnEveryBackendAsync($"select {State}");
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(
            Job(new()
            {
                ["query"] = "select set_config('work_mem', '9MB', false), set_config('role', $1, false)",
                ["return_result"] = true,
                ["parameters"] = new JsonArray(_stranger),
            }) with
            { Results = results },
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "9MB", _stranger }));
        Assert.That(await OnEveryBackendAsync($"select {State}"), Is.EqualTo(before));
    }

    [Test]
    public async Task Values_have_one_form(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(
            Job(new()
            {
                ["query"] =
                    "select $1::timestamptz, 'x'::bytea, '1 day 2 hours'::interval, current_setting('TimeZone')",
                ["return_result"] = true,
                ["parameters"] = new JsonArray(new JsonObject
                {
                    ["value"] = "2024-01-02 03:04:05+00", ["type"] = "text",
                }),
            }) with
            { Results = results },
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That(
            results.Rows.Single(), Is.EqualTo(new[] { "2024-01-02T03:04:05Z", "\\x78", "1 day 02:00:00", "UTC" }));
    }

    [Test]
    public async Task Many_jobs_at_once_take_effect_once_each(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("truncate own.kept");

        // One backend is left for what is asked about them.
        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = PgBouncer.Backends - 1,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForAsync(0, 40, options, async (i, token) =>
        {
            var isQuery = i % 2 == 1;
            var job = Job(new()
            {
                ["query"] = isQuery
                    ? $"insert into kept values ('query', {i}) returning i"
                    : $"insert into kept values ('batch', {i});",
                ["return_result"] = isQuery,
                ["search_path"] = "own",
            });
            job = job with { Results = isQuery ? new FakeResultWriter() : null };
            await _server.Plugin.RunAsync(job, new FakeJobMonitor(), token);
        });

        Assert.That(
            await _server.ScalarAsync<string>(
                "select concat_ws(' ', count(*), count(distinct i)) from own.kept", cancellationToken),
            Is.EqualTo("40 40"));
    }

    [Test]
    public async Task A_deferred_constraint_fails_the_job(
        [Values] bool isQuery, CancellationToken cancellationToken)
    {
        var name = $"deferred_{isQuery}";
        await _server.ExecuteAsync($"create table {name} (i int unique deferrable initially deferred)");
        var job = Job(new()
        {
            ["query"] = $"insert into {name} values (1), (1){(isQuery ? " returning i" : "")}",
            ["return_result"] = isQuery,
        }) with
        { Results = new FakeResultWriter() };

        var failure = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken));

        Assert.That(failure.Failure.SqlState, Is.EqualTo("23505"));
        Assert.That(await _server.ScalarAsync<long>($"select count(*) from {name}", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_job_is_stopped_and_nobody_else(
        [Values("single", "query")] string kind, CancellationToken cancellationToken)
    {
        await using var other = new NpgsqlConnection(_pooler.OfTransactions + ";Pooling=false");
        await other.OpenAsync(cancellationToken);
        await using var waits = new NpgsqlCommand("select pg_sleep(600)", other);
        using var stopOther = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sleeps = waits.ExecuteNonQueryAsync(stopOther.Token);
        var job = Job(new() { ["query"] = "select pg_sleep(599)", ["return_result"] = kind == "query" })
            with
        { Results = new FakeResultWriter() };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), stop.Token);
        await Eventually.Is(
            async () => await SleepersAsync(599) == 1 && await SleepersAsync(600) == 1, cancellationToken);

        await stop.CancelAsync();

        Assert.That(
            async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await SleepersAsync(599), await SleepersAsync(600)), Is.EqualTo((0L, 1L)));
        await stopOther.CancelAsync();
        Assert.That(async () => await sleeps, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task What_became_of_a_job_is_found_and_its_backend_s_next_client_left_alone(
        CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var job = Job(new() { ["query"] = "create table found (i int)" });
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);
        var backend = (int)PluginTestServer.Json(monitor.Evidence!)["pid"]!;
        var others = new List<NpgsqlConnection>();
        try
        {
            // The last of the backends answers the question.
            var found = 0;
            while (found != backend && others.Count < PgBouncer.Backends - 1)
            {
                others.Add(new NpgsqlConnection(_pooler.OfTransactions + ";Pooling=false"));
                found = (int)(await AskAsync(others[^1], "begin; select pg_backend_pid()", cancellationToken))!;
            }

            Assert.That(found, Is.EqualTo(backend), "the pooler has given another backend to each");
            var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

            Assert.That(fate, Is.EqualTo(AttemptFate.Committed));
            Assert.That(await AskAsync(others[^1], "select pg_backend_pid()", cancellationToken), Is.EqualTo(backend));
        }
        finally
        {
            foreach (var other in others)
            {
                await other.DisposeAsync();
            }
        }
    }

    [Test]
    public async Task An_attempt_that_runs_on_is_ended(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var job = Job(new() { ["query"] = "create table runs_on (i int); select pg_sleep(598)" });
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        await Eventually.Is(async () => await SleepersAsync(598) == 1, cancellationToken);

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await SleepersAsync(598), Is.Zero);
        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
    }

    [TestCase("""{"query": "select 1; select 2", "transaction": "none"}""", "transaction: none")]
    [TestCase("""{"query": "vacuum", "return_result": true}""", "VACUUM")]
    [TestCase("""{"query": "listen news", "return_result": true}""", "LISTEN")]
    [TestCase("""{"query": "select pg_advisory_lock(1)", "return_result": true}""", "pg_advisory_lock")]
    [TestCase("""{"query": "select 1;\nlisten news"}""", "Line 2: LISTEN")]
    [TestCase("""{"query": "select 1;\nselect pg_catalog.pg_try_advisory_lock(1)"}""", "Line 2: pg_try_advisory_lock")]
    [TestCase("""{"query": "select 1;\nprepare one as select 1"}""", "Line 2: PREPARE")]
    [TestCase("""{"query": "select 1;\ndeallocate all"}""", "Line 2: DEALLOCATE")]
    [TestCase("""{"query": "select 1;\ndeclare c cursor with hold for select 1"}""", "Line 2: A cursor WITH HOLD")]
    public async Task What_needs_a_session_of_its_own_is_refused(
        string context, string what, CancellationToken cancellationToken)
    {
        var job = Job(PluginTestServer.Json(context)) with { Results = new FakeResultWriter() };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That((failure.Kind, failure.IsTransient), Is.EqualTo((JobFailureKind.Refused, false)));
        Assert.That(failure.Message, Does.StartWith(what).And.Contain("pooler: session"));
    }

    [TestCase("select 'pg_advisory_lock(1)' as \"listen\", pg_advisory_xact_lock(1) -- prepare")]
    [TestCase("declare c cursor without hold for select 1")]
    public async Task Only_words_that_are_used_are_refused(string sql, CancellationToken cancellationToken) =>
        await _server.Plugin.RunAsync(Job(new() { ["query"] = sql }), new FakeJobMonitor(), cancellationToken);

    [Test]
    public async Task A_pooler_of_sessions_takes_everything_once_it_is_named(CancellationToken cancellationToken)
    {
        const string Script =
            "create table in_session (i int); set work_mem = '9MB'; vacuum in_session; "
            + "insert into in_session select pg_size_bytes(current_setting('work_mem')) / 1048576; listen news;";
        var context = new JsonObject { ["query"] = Script, ["transaction"] = "none" };
        var unnamed = Job(context, _pooler.OfSessions, pooler: null);
        var named = Job(context, _pooler.OfSessions, "session");
        var stopped = named with { Id = Guid.CreateVersion7(), Context = new() { ["query"] = "select pg_sleep(597)" } };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        var refused = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(unnamed, new FakeJobMonitor(), cancellationToken));
        await _server.Plugin.RunAsync(named, new FakeJobMonitor(), cancellationToken);
        var run = _server.Plugin.RunAsync(stopped, new FakeJobMonitor(), stop.Token);
        await Eventually.Is(async () => await SleepersAsync(597) == 1, cancellationToken);
        await stop.CancelAsync();

        Assert.That(refused.Failure.Message, Does.Contain("pooler: session"));
        Assert.That(await _server.ScalarAsync<int>("select i from in_session", cancellationToken), Is.EqualTo(9));
        Assert.That(
            async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await SleepersAsync(597), Is.Zero);
    }

    [TestCase(null, false)]
    [TestCase("transaction", true)]
    public async Task Without_a_pooler_only_the_cluster_s_word_makes_one(
        string? pooler, bool isRefused, CancellationToken cancellationToken)
    {
        var job = Job(
            new() { ["query"] = "select 1", ["transaction"] = "none" }, _server.ConnectionString, pooler);
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(async () => await run, isRefused ? Throws.InstanceOf<JobFailedException>() : Throws.Nothing);
    }

    [Test]
    public void A_pooler_that_there_is_not_is_a_problem_of_the_cluster()
    {
        var problems = _server.Plugin.CheckCluster(
            new() { ["connection_string"] = _server.ConnectionString, ["pooler"] = "statement" });

        Assert.That(
            problems.Select(problem => (problem.Path, problem.Message)),
            Is.EqualTo(new[] { ("pooler", "must be \"none\" or \"session\" or \"transaction\".") }));
    }

    /// <summary>Writes where the job is, and as whom, and checks that.</summary>
    private async Task RunAsync(string kind, string? searchPath, string? role, CancellationToken cancellationToken)
    {
        var (schema, user) = (searchPath ?? "public", role ?? "postgres");
        var select = $"select {State}, 'kept'::regclass::oid = '{schema}.kept'::regclass::oid";
        var insert = $"insert into kept select '{schema}', 1 where current_user = '{user}'";
        await _server.ExecuteAsync($"truncate {schema}.kept");
        var results = new FakeResultWriter();
        var context = new JsonObject
        {
            ["query"] = kind == "read only" ? select : kind == "single" ? insert : $"{insert} returning place",
            ["return_result"] = kind != "single",
            ["search_path"] = searchPath,
            ["role"] = role,
        };
        if (kind == "read only")
        {
            context["read_only"] = true;
        }

        await _server.Plugin.RunAsync(
            Job(context) with { Results = results, IsInline = kind == "inline" },
            new FakeJobMonitor(),
            cancellationToken);

        if (kind == "read only")
        {
            Assert.That(results.Rows.Single()[0], Does.Contain($" {user} postgres "));
            Assert.That(results.Rows.Single()[1], Is.EqualTo("t"));
        }
        else
        {
            Assert.That(
                await _server.ScalarAsync<long>($"select count(*) from {schema}.kept", cancellationToken),
                Is.EqualTo(1));
        }
    }

    private PluginJob Job(JsonObject context) => Job(context, _pooler.OfTransactions, pooler: null);

    private PluginJob Job(JsonObject context, string connectionString, string? pooler)
    {
        var cluster = new JsonObject { ["connection_string"] = connectionString };
        if (pooler is not null)
        {
            cluster["pooler"] = pooler;
        }

        return _server.Job(context.ToJsonString()) with
        {
            TargetCluster = new PluginCluster($"{connectionString} {pooler}", cluster),
        };
    }

    /// <summary>As other clients of the pooler do, in each of the backends that the transactions share.</summary>
    /// <returns>The last value, of each.</returns>
    private async Task<string?[]> OnEveryBackendAsync(string sql)
    {
        var clients = Enumerable.Range(0, PgBouncer.Backends)
            .Select(_ => new NpgsqlConnection(_pooler.OfTransactions + ";Pooling=false"))
            .ToArray();
        try
        {
            var answers = new SortedDictionary<int, string?>();
            foreach (var client in clients)
            {
                var pid = (int)(await AskAsync(client, "begin; select pg_backend_pid()", CancellationToken.None))!;
                answers[pid] = $"{await AskAsync(client, sql, CancellationToken.None)}";
            }

            foreach (var client in clients)
            {
                await AskAsync(client, "commit; select 1", CancellationToken.None);
            }

            Assert.That(answers, Has.Count.EqualTo(PgBouncer.Backends));
            return [.. answers.Values];
        }
        finally
        {
            foreach (var client in clients)
            {
                await client.DisposeAsync();
            }
        }
    }

    private static async Task<object?> AskAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        if (connection.State == System.Data.ConnectionState.Closed)
        {
            await connection.OpenAsync(cancellationToken);
        }

        object? answer = null;
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                answer = reader.GetValue(0);
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
        return answer;
    }

    private Task<long> SleepersAsync(int seconds) => _server.ScalarAsync<long>(
        $"""
        select count(*) from pg_stat_activity
        where query like '%pg_sleep({seconds})%' and wait_event = 'PgSleep' and datname = current_database()
        """);
}
