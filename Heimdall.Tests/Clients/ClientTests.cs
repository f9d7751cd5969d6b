using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Text.Json.Nodes;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using Heimdall.Client;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary>What Heimdall.Client does with a real API and worker.</summary>
[CancelAfter(120_000)]
public sealed class ClientTests
{
    private HeimdallInstance _heimdall = null!;
    private HeimdallClient _client = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config.WithCommand("brief", "type:brief", ", context: {timeout_seconds: 1}"));
        _client = Connect();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _client.Dispose();
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task Rows_are_copied_as_arrow_and_parquet(CancellationToken cancellationToken)
    {
        var query = Query("select n, n / 8.0::float8 as part from generate_series(1, 100000) n");
        var job = await _client.RunAsync(query with { ReturnResult = true }, cancellationToken: cancellationToken);
        using var arrow = new MemoryStream();
        using var parquet = new MemoryStream();

        await _client.CopyQueryAsync(query, HeimdallMediaTypes.Arrow, arrow, cancellationToken);
        await _client.CopyResultAsync(job.Id, HeimdallMediaTypes.Parquet, parquet, cancellationToken);

        using var stream = new ArrowStreamReader(new MemoryStream(arrow.ToArray()));
        using var file = new ParquetSharp.Arrow.FileReader(new MemoryStream(parquet.ToArray()));
        using var table = file.GetRecordBatchReader();
        Assert.That(
            new[] { await SumAsync(stream, cancellationToken), await SumAsync(table, cancellationToken) },
            Is.All.EqualTo(100_000L * 100_001 / 2));
    }

    [Test]
    public void A_copy_that_breaks_off_is_an_error(CancellationToken cancellationToken)
    {
        Assert.That(
            async () => await _client.CopyQueryAsync(
                Query("select repeat('x', 1000), 1 / (50000 - n) from generate_series(1, 100000) n"),
                HeimdallMediaTypes.Arrow, Stream.Null, cancellationToken),
            Throws.TypeOf<HeimdallException>().With.Property("MayHaveTakenEffect").True);
    }

    [Test]
    public async Task Values_are_read_exactly_or_not_at_all(CancellationToken cancellationToken)
    {
        await using var rows = await _client.QueryAsync(
            Query(
                """
                select 9223372036854775807::int8 as big, 0.1234567890123456789012345678::numeric as fine, 1.50::numeric as price,
                    100000000000000000000000000000000000000001::numeric as huge, 'NaN'::float8 as nan, 0.1::float8 as float, null::int4 as none,
                    true as yes, '{"x": 1.10}'::json as doc, 1e200::float8 as power, 12345678901234567890123456789.5::numeric as long
                """),
            cancellationToken);
        var row = await rows.SingleAsync(cancellationToken);

        Assert.That(rows.Columns[0], Is.EqualTo(new HeimdallColumn("big", "int8")));
        Assert.That(row.GetInt64(0), Is.EqualTo(long.MaxValue));
        Assert.That(row.GetDecimal(1), Is.EqualTo(0.1234567890123456789012345678m));
        Assert.That(row.GetDecimal(2).ToString(provider: null), Is.EqualTo("1.50"));
        Assert.That(row.GetBigInteger(3), Is.EqualTo(BigInteger.Pow(10, 41) + 1));
        Assert.That(row.GetText(3), Is.EqualTo("100000000000000000000000000000000000000001"));
        Assert.That((row.GetDouble(4), row.GetDouble(5)), Is.EqualTo((double.NaN, 0.1)));
        Assert.That((row.IsNull(6), row.GetBoolean(7), row["doc"].GetProperty("x").GetRawText()), Is.EqualTo((true, true, "1.10")));
        Assert.That(row.GetBigInteger(9), Is.EqualTo(BigInteger.Pow(10, 200)));
        Assert.That(() => row.GetInt64(3), Throws.TypeOf<OverflowException>());
        Assert.That(() => row.GetInt64(2), Throws.TypeOf<OverflowException>());
        Assert.That(() => row.GetDecimal(3), Throws.TypeOf<OverflowException>());
        Assert.That(() => row.GetDecimal(10), Throws.TypeOf<OverflowException>());
        Assert.That(() => row.GetDouble(1), Throws.TypeOf<InvalidCastException>());
        Assert.That(() => row.GetInt64(6), Throws.TypeOf<InvalidCastException>());
        Assert.That(() => row.GetInt64(4), Throws.TypeOf<FormatException>());
    }

    [Test]
    public async Task Parameters_keep_their_digits(CancellationToken cancellationToken)
    {
        var query = Query("select $1::numeric, $2::text") with { Parameters = JsonNode.Parse("""[12345678901234567890.123456789, "a\u0007b"]""") };

        await using var rows = await _client.QueryAsync(query, cancellationToken);
        var row = await rows.SingleAsync(cancellationToken);

        Assert.That((row.GetText(0), row.GetText(1)), Is.EqualTo(("12345678901234567890.123456789", "a\ab")));
    }

    [Test]
    public async Task Rows_come_while_the_query_runs_and_to_leave_them_cancels_it(CancellationToken cancellationToken)
    {
        await AddWaitingFunctionAsync(cancellationToken);
        await _heimdall.CloseGateAsync("rows", cancellationToken);
        var rows = await _client.QueryAsync(Query(ManyRows("case when i = 20000 then wait_at('rows') end"), "left"), cancellationToken);

        var first = await rows.FirstAsync(cancellationToken);
        var running = await _client.StatusAsync(rows.JobId!.Value, cancellationToken);
        await rows.DisposeAsync();

        Assert.That((first.GetInt64(0), running.Status, rows.IsTruncated), Is.EqualTo((1, "RUNNING", (bool?)null)));
        await _heimdall.WaitForStatusAsync(rows.JobId!.Value, "CANCELED", cancellationToken);
    }

    [Test]
    public async Task A_cancelled_token_cancels_the_query(CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var query = _client.QueryAsync(Query("select pg_sleep(600)", "tired"), cancel.Token);
        var id = await _heimdall.FindJobAsync("tired", "RUNNING", cancellationToken);

        await cancel.CancelAsync();

        Assert.That(() => query, Throws.InstanceOf<OperationCanceledException>());
        await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
    }

    [Test]
    public async Task A_query_that_fails_after_its_first_rows_is_an_exception(CancellationToken cancellationToken)
    {
        await using var rows = await _client.QueryAsync(Query(ManyRows("1 / (20000 - i)")), cancellationToken);

        var failure = await Assert.ThrowsAsync<HeimdallException>(async () => await rows.CountAsync(cancellationToken));

        Assert.That((failure.Type, failure.Sqlstate, failure.JobId), Is.EqualTo(("job-failed", "22012", rows.JobId)));
        Assert.That(rows.RowCount, Is.Positive.And.LessThan(20000));
        Assert.That(failure.Message, Does.Contain($"({rows.RowCount} rows had been sent.)"));
    }

    [Test]
    public async Task A_limit_that_cuts_the_rows_is_seen(CancellationToken cancellationToken)
    {
        await using var rows = await _client.QueryAsync(Query("select generate_series(1, 10)") with { RowLimit = 3 }, cancellationToken);

        Assert.That(await rows.CountAsync(cancellationToken), Is.EqualTo(3));
        Assert.That(rows.IsTruncated, Is.True);
    }

    [TestCase("{\"columns\":[{\"name\":\"a\",\"type\":\"int4\"}]}\n[1]\n")]
    [TestCase("{\"columns\":[{\"name\":\"a\",\"type\":\"int4\"}]}\n[1]\n{\"row_count\":1,\"truncated\":false,\"status\":\"SUCCEEDED\"}")]
    [TestCase("{\"columns\":[{\"name\":\"a\",\"type\":\"int4\"}]}\n[1]\n{\"row_count\":2,\"truncated\":false,\"status\":\"SUCCEEDED\"}\n")]
    public async Task A_reply_without_its_end_is_not_the_whole(string reply, CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { Before = (_, _) => Task.FromResult<HttpResponseMessage?>(FaultyWay.Answer(HttpStatusCode.OK, reply, "application/x-ndjson")) };
        using var client = Connect(way);
        await using var rows = await client.QueryAsync(Query("select 1"), cancellationToken);

        var failure = await Assert.ThrowsAsync<HeimdallException>(async () => await rows.CountAsync(cancellationToken));

        Assert.That(failure.Message, Does.Contain("broke off after 1 rows"));
    }

    [Test]
    public async Task A_problem_is_an_exception_with_its_members(CancellationToken cancellationToken)
    {
        var failure = await Assert.ThrowsAsync<HeimdallException>(() => _client.QueryAsync(Query("select nam from (select 1 as name) t"), cancellationToken));

        Assert.That((failure.Status, failure.Type, failure.Sqlstate), Is.EqualTo((400, "job-failed", "42703")));
        Assert.That((failure.Line, failure.Column, failure.Position, failure.Retryable), Is.EqualTo((1, 8, 8, false)));
        Assert.That(failure.Hint, Does.Contain("t.name"));
        Assert.That((await _client.JobAsync(failure.JobId!.Value, cancellationToken)).Status, Is.EqualTo("FAILED"));
    }

    [Test]
    public async Task A_submission_whose_answer_is_lost_makes_one_job(CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { After = LoseTheFirst };
        using var client = Connect(way);

        var job = await client.SubmitAsync(Batch("select 1", "lost"), cancellationToken: cancellationToken);

        Assert.That(way.Sent, Is.EqualTo(2));
        Assert.That((await _client.ListAsync(new HeimdallJobFilter { Name = "lost" }, cancellationToken).ToArrayAsync(cancellationToken)).Select(found => found.Id), Is.EqualTo(new[] { job.Id }));
    }

    [TestCase(false, 1)]
    [TestCase(true, 2)]
    public async Task A_query_whose_answer_is_lost_is_repeated_only_if_it_is_read_only(bool readOnly, int sent, CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { After = LoseTheFirst };
        using var client = Connect(way);

        async Task<long> QueryAsync()
        {
            await using var rows = await client.QueryAsync(Query("select 7") with { ReadOnly = readOnly }, cancellationToken);
            return (await rows.SingleAsync(cancellationToken)).GetInt64(0);
        }

        if (readOnly)
        {
            Assert.That(await QueryAsync(), Is.EqualTo(7));
        }
        else
        {
            var failure = await Assert.ThrowsAsync<HeimdallException>(QueryAsync);
            Assert.That((failure.MayHaveTakenEffect, failure.IsUnreachable), Is.EqualTo((true, true)));
        }
        Assert.That(way.Sent, Is.EqualTo(sent));
    }

    [TestCase(429, "too-many-queries", 2)]
    [TestCase(503, "store-unavailable", 2)]
    [TestCase(503, "outcome-unknown", 1)]
    [TestCase(500, "internal", 1)]
    [TestCase(400, "invalid-request", 1)]
    public async Task A_query_is_repeated_where_nothing_can_have_happened(int status, string type, int sent, CancellationToken cancellationToken)
    {
        using var way = new FaultyWay
        {
            Before = (_, number) =>
            {
                var refusal = number > 1 ? null : FaultyWay.Answer((HttpStatusCode)status, $$"""{"type": "urn:heimdall:problem:{{type}}", "detail": "Not now.", "status": {{status}}}""");
                refusal?.Headers.Add("Retry-After", "0");
                return Task.FromResult(refusal);
            },
        };
        using var client = Connect(way);
        var query = client.QueryAsync(Query("select 1"), cancellationToken);

        if (sent > 1)
        {
            await using var rows = await query;
            Assert.That(await rows.CountAsync(cancellationToken), Is.EqualTo(1));
        }
        else
        {
            var failure = await Assert.ThrowsAsync<HeimdallException>(() => query);
            Assert.That((failure.Status, failure.Type, failure.Message), Is.EqualTo((status, type, "Not now.")));
        }
        Assert.That(way.Sent, Is.EqualTo(sent));
    }

    [TestCaseSource(nameof(WrongKeys))]
    public void An_idempotency_key_that_the_server_refuses_is_not_sent(string key)
    {
        using var way = new FaultyWay();
        using var client = Connect(way);

        Assert.That(() => client.SubmitAsync(Batch("select 1"), key), Throws.ArgumentException.With.Message.Contains("1 to 255 printable ASCII"));
        Assert.That(() => client.SubmitManyAsync([Batch("select 1")], key), Throws.ArgumentException);
        Assert.That(() => client.TriggerAsync("nightly", key), Throws.ArgumentException);
        Assert.That(() => client.RunAsync(Batch("select 1"), key), Throws.ArgumentException);
        Assert.That(way.Sent, Is.Zero);
    }

    [Test]
    public async Task A_retry_whose_connection_closes_is_sent_once(CancellationToken cancellationToken)
    {
        await using var api = new ClosingApi();
        using var client = new HeimdallClient(new HeimdallOptions { Address = api.Address });
        await client.ClustersAsync(cancellationToken); // the next request is sent on the same connection

        var failure = await Assert.ThrowsAsync<HeimdallException>(() => client.RetryAsync(Guid.NewGuid(), cancellationToken: cancellationToken));

        Assert.That((failure.IsUnreachable, failure.MayHaveTakenEffect), Is.EqualTo((true, true)));
        Assert.That((api.Connections, api.Posts), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task A_query_that_could_not_connect_in_time_has_no_effect(CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromMilliseconds(50),
            ConnectCallback = async (_, ended) =>
            {
                await Task.Delay(Timeout.Infinite, ended);
                return Stream.Null;
            },
        };
        using var client = new HeimdallClient(new HeimdallOptions { Address = _heimdall.Address, Handler = handler, RetryFor = TimeSpan.Zero });

        var failure = await Assert.ThrowsAsync<HeimdallException>(() => client.QueryAsync(Query("select 1"), cancellationToken));

        Assert.That((failure.IsUnreachable, failure.MayHaveTakenEffect), Is.EqualTo((true, false)));
        Assert.That(failure.Message, Does.EndWith("cannot be reached: no connection in time."));
    }

    [Test]
    public async Task A_statement_without_rows_has_the_number_of_those_that_it_changed(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table changed as select generate_series(1, 3) as n", cancellationToken);

        await using var rows = await _client.QueryAsync(Query("delete from changed where n > 1"), cancellationToken);

        Assert.That((await rows.CountAsync(cancellationToken), rows.RowsAffected), Is.EqualTo((0, (long?)2)));
    }

    [Test]
    public async Task JSON_is_read_as_JSON(CancellationToken cancellationToken)
    {
        const string Sql = """select '"a"'::json, '"\ud800"'::json, '{"x": [1.10]}'::json, 'null'::json""";

        await using var rows = await _client.QueryAsync(Query(Sql), cancellationToken);
        var row = await rows.SingleAsync(cancellationToken);

        Assert.That(Enumerable.Range(0, 4).Select(row.GetText), Is.EqualTo(new[] { "\"a\"", "\"\\ud800\"", "{\"x\": [1.10]}", null }));
    }

    [TestCase("{\"ok\": true}")]
    [TestCase("[1]")]
    [TestCase("\"text\"")]
    [TestCase("{\"data\": [], \"has_more\": \"no\", \"pauses\": 1, \"id\": \"x\"}")]
    public async Task Other_JSON_is_not_taken_for_that_of_Heimdall(string reply, CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { Before = (_, _) => Task.FromResult<HttpResponseMessage?>(FaultyWay.Answer(HttpStatusCode.OK, reply, "application/json")) };
        using var client = Connect(way);

        await Assert.ThrowsAsync<HeimdallException>(async () => _ = (await client.JobAsync(Guid.NewGuid(), cancellationToken)).Id);
        await Assert.ThrowsAsync<HeimdallException>(async () => await client.ListAsync(new HeimdallJobFilter(), cancellationToken).CountAsync(cancellationToken));
        await Assert.ThrowsAsync<HeimdallException>(() => client.PausesAsync(cancellationToken));
        await Assert.ThrowsAsync<HeimdallException>(() => client.QueryAsync(Query("select 1"), cancellationToken));
        await Assert.ThrowsAsync<HeimdallException>(() => client.ClustersAsync(cancellationToken));
    }

    [TestCase("{\"columns\": 5}", null)]
    [TestCase("{\"rows\": []}", null)]
    [TestCase("{\"columns\": [{\"name\": \"a\", \"type\": \"int4\"}]}", "5")]
    [TestCase("{\"columns\": [{\"name\": \"a\", \"type\": \"int4\"}]}", "{\"status\": \"SUCCEEDED\"}")]
    [TestCase("{\"columns\": [{\"name\": \"a\", \"type\": \"int4\"}]}", "{\"status\": 1}")]
    public async Task Other_lines_are_not_taken_for_rows(string head, string? end, CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { Before = (_, _) => Task.FromResult<HttpResponseMessage?>(FaultyWay.Answer(HttpStatusCode.OK, $"{head}\n{end}\n", "application/x-ndjson")) };
        using var client = Connect(way);

        var failure = await Assert.ThrowsAsync<HeimdallException>(async () =>
        {
            await using var rows = await client.QueryAsync(Query("select 1"), cancellationToken);
            await rows.CountAsync(cancellationToken);
        });

        Assert.That(failure.Message, Does.Contain(end is null ? "is not Heimdall" : "broke off"));
    }

    [Test]
    public async Task What_does_not_listen_is_unreachable(CancellationToken cancellationToken)
    {
        using var client = new HeimdallClient(new HeimdallOptions { Address = new Uri($"http://127.0.0.1:{FreePort.Find()}"), RetryFor = TimeSpan.Zero });

        var failure = await Assert.ThrowsAsync<HeimdallException>(() => client.ClustersAsync(cancellationToken));

        Assert.That((failure.IsUnreachable, failure.MayHaveTakenEffect, failure.Status), Is.EqualTo((true, false, (int?)null)));
    }

    [TestCase(200, "<html>hello</html>")]
    [TestCase(404, "<html>not here</html>")]
    public async Task Another_program_is_not_taken_for_Heimdall(int status, string page, CancellationToken cancellationToken)
    {
        using var way = new FaultyWay { Before = (_, _) => Task.FromResult<HttpResponseMessage?>(FaultyWay.Answer((HttpStatusCode)status, page, "text/html")) };
        using var client = Connect(way);

        var read = await Assert.ThrowsAsync<HeimdallException>(() => client.ClustersAsync(cancellationToken));
        var asked = await Assert.ThrowsAsync<HeimdallException>(() => client.QueryAsync(Query("select 1"), cancellationToken));

        Assert.That(new[] { read.Message, asked.Message }, Has.All.Contains("is not Heimdall: check the address"));
    }

    [Test]
    public async Task A_batch_runs_and_shows_all_that_there_is_to_see_of_it(CancellationToken cancellationToken)
    {
        var ended = await _client.RunAsync(Batch("do $$ begin raise notice 'hello'; end $$; select 1/0", "seen"), cancellationToken: cancellationToken);

        var log = await _client.ReadLogAsync(ended.Id, notices: false, cancellationToken).ToArrayAsync(cancellationToken);
        var notices = await _client.ReadLogAsync(ended.Id, notices: true, cancellationToken).ToArrayAsync(cancellationToken);
        var status = await _client.StatusAsync(ended.Id, cancellationToken);
        Assert.That((ended.Status, ended.Sqlstate, ended.Errors.Single().Line, status.Error), Is.EqualTo(("FAILED", "22012", 1, "division by zero")));
        Assert.That(log, Is.Not.Empty);
        Assert.That(notices[0], Does.StartWith("NOTICE:  hello"));
    }

    [Test]
    public async Task A_queued_query_has_a_result_and_can_be_run_again(CancellationToken cancellationToken)
    {
        var first = await _client.RunAsync(Batch("select generate_series(1, 3)", "stored") with { ReturnResult = true }, cancellationToken: cancellationToken);
        var again = await _client.WaitAsync((await _client.RetryAsync(first.Id, cancellationToken: cancellationToken)).Id, cancellationToken: cancellationToken);

        await using var rows = await _client.ResultAsync(again.Id, cancellationToken);
        var values = await rows.Select(row => row.GetInt64(0)).ToArrayAsync(cancellationToken);

        Assert.That((first.Status, again.Text("retry_of")), Is.EqualTo(("SUCCEEDED", first.Id.ToString())));
        Assert.That((values, rows.IsTruncated), Is.EqualTo((new long[] { 1, 2, 3 }, (bool?)false)));
    }

    [Test]
    public async Task A_batch_without_transaction_resumes_from_a_statement(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync(
            "create table done (n int); create table mended as select where false", cancellationToken);
        const string Sql =
            "insert into done values (1); select 1 / (select count(*) from mended); insert into done values (3);";
        var failed = await _client.RunAsync(
            Batch(Sql, "resumed") with { Transaction = "none" }, cancellationToken: cancellationToken);
        var single = await _client.RunAsync(
            Batch("select 1; select 1/0", "single"), cancellationToken: cancellationToken);
        await _heimdall.Target.ExecuteAsync("insert into mended default values", cancellationToken);

        var again = await _client.RetryAsync(failed.Id, fromStatement: 2, cancellationToken: cancellationToken);
        var ended = await _client.WaitAsync(again.Id, cancellationToken: cancellationToken);

        Assert.That((failed.Status, failed.Errors.Single().Statement), Is.EqualTo(("FAILED", (long?)2)));
        Assert.That((ended.Status, ended.Text("from_statement")), Is.EqualTo(("SUCCEEDED", "2")), ended.ToString());
        Assert.That(again.HooksLeftOut, Is.Empty);
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select n from done order by n", cancellationToken),
            Is.EqualTo(new[] { 1, 3 }));
        var refused = await Assert.ThrowsAsync<HeimdallException>(
            () => _client.RetryAsync(single.Id, fromStatement: 2, cancellationToken: cancellationToken));
        Assert.That((refused.Status, refused.Type), Is.EqualTo((409, "cannot-retry")), refused.Message);
    }

    [TestCase(true, "CANCELED")]
    [TestCase(false, "SUCCEEDED")]
    public async Task Who_stops_waiting_may_cancel_the_job(bool cancelJob, string status, CancellationToken cancellationToken)
    {
        var gate = $"wait-{cancelJob}";
        await _heimdall.CloseGateAsync(gate, cancellationToken);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var way = new FaultyWay { Counted = request => request.Method == HttpMethod.Get };
        using var client = Connect(way);
        var run = client.RunAsync(Batch(HeimdallInstance.WaitAt(gate), gate), cancelJob: cancelJob, cancellationToken: leave.Token);
        var id = await _heimdall.FindJobAsync(gate, "RUNNING", cancellationToken);

        await Eventually.Is(() => Task.FromResult(!cancelJob || way.Sent > 0), cancellationToken); // then it knows the job
        await leave.CancelAsync();
        Assert.That(() => run, Throws.InstanceOf<OperationCanceledException>());
        await _heimdall.OpenGateAsync(gate, cancellationToken);

        Assert.That((await _client.WaitAsync(id, cancellationToken: cancellationToken)).Status, Is.EqualTo(status));
    }

    [Test]
    public async Task A_follower_whose_connection_breaks_gets_each_line_once(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("followed", cancellationToken);
        var job = await _client.SubmitAsync(
            Batch($"do $$ begin for i in 1..20 loop raise notice 'n%', i; end loop; end $$; {HeimdallInstance.WaitAt("followed")}; select 1"), cancellationToken: cancellationToken);
        using var way = new FaultyWay
        {
            Counted = request => request.RequestUri!.AbsolutePath.EndsWith("/events", StringComparison.Ordinal),
            // The first three connections end in the middle of what they send.
            After = async (_, response, number) =>
            {
                if (number <= 3)
                {
                    response.Content = new StreamContent(new CutStream(await response.Content.ReadAsStreamAsync(cancellationToken), bytes: 500)) { Headers = { ContentType = response.Content.Headers.ContentType } };
                }
            },
        };
        using var client = Connect(way);
        var events = new List<JobEvent>();

        await foreach (var happened in client.FollowAsync(job.Id, cancellationToken))
        {
            events.Add(happened);
            if (happened.Line?.Contains("n20 ", StringComparison.Ordinal) == true)
            {
                await _heimdall.OpenGateAsync("followed", cancellationToken);
            }
        }

        var notices = events.Where(happened => happened.Kind == JobEventKind.Notice).Select(happened => happened.Line!.Split(' ')[2]);
        Assert.That(notices, Is.EqualTo(Enumerable.Range(1, 20).Select(i => $"n{i}")));
        Assert.That((events[^1].Kind, way.Sent), Is.EqualTo((JobEventKind.End, 4)));
    }

    [Test]
    public async Task Many_jobs_are_submitted_together_and_listed_over_pages(CancellationToken cancellationToken)
    {
        var submitted = await _client.SubmitManyAsync(Enumerable.Range(1, 7).Select(i => Batch($"select {i}", "page of many")), cancellationToken: cancellationToken);

        var listed = await _client.ListAsync(new HeimdallJobFilter { Name = "page of many", PageSize = 2, Direction = "asc" }, cancellationToken).ToArrayAsync(cancellationToken);

        Assert.That(listed.Select(job => job.Id), Is.EquivalentTo(submitted.Select(job => job.Id)));
    }

    [Test]
    public async Task Schedules_can_be_seen_to(CancellationToken cancellationToken)
    {
        await _client.PutScheduleAsync("at-night", JsonNode.Parse(
            """{"cron": "0 3 * * *", "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"], "context": {"query": "select 1"}}""")!.AsObject(), cancellationToken);
        var run = await _client.TriggerAsync("at-night", cancellationToken: cancellationToken);
        await _client.PauseAsync(HeimdallPauseTarget.Schedule("at-night"), "holidays", DateTimeOffset.UtcNow.AddDays(1), cancellationToken);
        var paused = await _client.ScheduleAsync("at-night", cancellationToken);
        await _client.ResumeAsync(HeimdallPauseTarget.Schedule("at-night"), cancellationToken);
        var listed = await _client.SchedulesAsync(cancellationToken);
        await _client.DeleteScheduleAsync("at-night", cancellationToken);

        Assert.That((await _client.WaitAsync(run.JobId!.Value, cancellationToken: cancellationToken)).Status, Is.EqualTo("SUCCEEDED"));
        Assert.That((paused.IsPaused, listed.Single().IsPaused, listed.Single().Cron), Is.EqualTo((true, false, "0 3 * * *")));
        Assert.That(await _client.SchedulesAsync(cancellationToken), Is.Empty);
    }

    [Test]
    public async Task A_command_can_be_paused(CancellationToken cancellationToken)
    {
        await _client.PauseAsync(HeimdallPauseTarget.Command("brief"), "test", cancellationToken: cancellationToken);
        var pauses = await _client.PausesAsync(cancellationToken);
        var commands = await _client.CommandsAsync(cancellationToken);
        await _client.ResumeAsync(HeimdallPauseTarget.Command("brief"), cancellationToken);

        Assert.That(pauses.Select(pause => (pause.Scope, pause.Id, pause.Reason)), Is.EqualTo(new[] { ("command", "brief", "test") }));
        Assert.That(commands.Where(command => command.IsPaused).Select(command => command.Id), Is.EqualTo(new[] { "brief" }));
        Assert.That((await _client.ClustersAsync(cancellationToken)).Single().Tags, Does.Contain("data:local"));
    }

    [Test]
    public async Task An_address_may_have_a_path(CancellationToken cancellationToken)
    {
        using var way = new FaultyWay
        {
            Before = (request, _) =>
            {
                Assert.That(request.RequestUri!.AbsolutePath, Does.StartWith("/heimdall/api/v1/"));
                request.RequestUri = new Uri(_heimdall.Address, request.RequestUri.PathAndQuery["/heimdall".Length..]); // as a proxy does
                return Task.FromResult<HttpResponseMessage?>(null);
            },
        };
        using var client = new HeimdallClient(new HeimdallOptions { Address = new Uri(_heimdall.Address, "/heimdall/"), Handler = way });

        var ended = await client.RunAsync(Batch("select 1"), cancellationToken: cancellationToken);

        Assert.That(ended.Status, Is.EqualTo("SUCCEEDED"));
        Assert.That(way.Sent, Is.Positive);
    }

    [Test]
    public async Task An_id_is_one_part_of_the_path(CancellationToken cancellationToken)
    {
        var failure = await Assert.ThrowsAsync<HeimdallException>(() => _client.ScheduleAsync("a?b#c", cancellationToken));

        Assert.That((failure.Status, failure.Message), Is.EqualTo((404, "There is no schedule 'a?b#c'.")));
    }

    [TestCase("ftp://example.com")]
    [TestCase("https://example.com/?x=1")]
    [TestCase("https://user:secret@example.com/")]
    public void What_is_no_address_is_refused(string address) =>
        Assert.That(() => new HeimdallClient(new HeimdallOptions { Address = new Uri(address) }), Throws.ArgumentException.With.Message.Not.Contains("secret"));

    [TestCase("")]
    [TestCase("secret\n")]
    [TestCase("secret key")]
    public void What_is_no_key_is_refused_without_being_shown(string key) => Assert.That(
        () => new HeimdallClient(new HeimdallOptions { Address = _heimdall.Address, Key = key }), Throws.ArgumentException.With.Message.Not.Contains("secret"));

    private static IEnumerable<TestCaseData> WrongKeys() =>
    [
        new TestCaseData("").SetArgDisplayNames("empty"), new TestCaseData("a\nX-Heimdall-User: root").SetArgDisplayNames("line break"),
        new TestCaseData("größe").SetArgDisplayNames("not ASCII"), new TestCaseData(new string('x', 256)).SetArgDisplayNames("too long"),
    ];

    /// <summary>So many that the API sends some before it has all of them.</summary>
    private static string ManyRows(string last) => $"select i, repeat('x', 200) as filler, {last} as last from generate_series(1, 20000) i";

    private HeimdallClient Connect(HttpMessageHandler? handler = null) => new(new HeimdallOptions { Address = _heimdall.Address, Handler = handler });

    private static async Task<long> SumAsync(IArrowArrayStream stream, CancellationToken cancellationToken)
    {
        long sum = 0;
        while (await stream.ReadNextRecordBatchAsync(cancellationToken) is { } batch)
        {
            sum += ((Int32Array)batch.Column(0)).Sum(number => (long)number!.Value);
        }
        return sum;
    }

    private static HeimdallSubmission Query(string sql, string name = "client test") => new() { Name = name, Query = sql, ClusterCriteria = ["_id:postgres"] };

    private static HeimdallSubmission Batch(string sql, string name = "client test") => Query(sql, name);

    private static Task LoseTheFirst(HttpRequestMessage request, HttpResponseMessage response, int number)
    {
        if (number > 1)
        {
            return Task.CompletedTask;
        }
        response.Dispose();
        throw new HttpRequestException(HttpRequestError.ResponseEnded);
    }

    private Task AddWaitingFunctionAsync(CancellationToken cancellationToken) => _heimdall.Target.ExecuteAsync(
        """
        create or replace function wait_at(gate_name text) returns text language plpgsql stable as
        $$ begin while exists (select from gate where name = gate_name) loop perform pg_sleep(0.02); end loop; return 'open'; end $$
        """, cancellationToken);

    /// <summary>An API that answers what reads, and closes the connection of what writes once it has it.</summary>
    private sealed class ClosingApi : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, port: 0);
        private readonly Task _serving;

        public ClosingApi()
        {
            _listener.Start();
            _serving = ServeAsync();
        }

        public Uri Address => new($"http://{_listener.LocalEndpoint}");

        public int Connections { get; private set; }

        public int Posts { get; private set; }

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _serving;
            _listener.Dispose();
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                try
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    Connections++;
                    await ServeAsync(client.GetStream());
                }
                catch (Exception e) when (e is SocketException or InvalidOperationException or IOException)
                {
                    return; // it is stopped, or its client is gone
                }
            }
        }

        private async Task ServeAsync(Stream stream)
        {
            using var lines = new StreamReader(stream);
            while (await lines.ReadLineAsync() is { } request)
            {
                var length = 0;
                while (await lines.ReadLineAsync() is { Length: > 0 } header)
                {
                    if (header.StartsWith("Content-Length: ", StringComparison.Ordinal))
                    {
                        length = int.Parse(header.Split(' ')[1], CultureInfo.InvariantCulture);
                    }
                }
                if (length > 0) // to read nothing would wait for the next request
                {
                    await lines.ReadBlockAsync(new char[length]);
                }
                if (request.StartsWith("POST", StringComparison.Ordinal))
                {
                    Posts++;
                    return;
                }
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"u8.ToArray());
            }
        }
    }

    /// <summary>A connection that ends after so many bytes.</summary>
    private sealed class CutStream(Stream inner, int bytes) : Stream
    {
        private int _left = bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                throw new IOException("The connection was cut.");
            }
            var count = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, _left)], cancellationToken);
            _left -= count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
