using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>The rows of queries that ran on all clusters, one of which is down for a while.</summary>
[CancelAfter(120_000)]
public sealed class FanOutResultTests
{
    private Fleet _fleet = null!;

    private HeimdallInstance Heimdall => _fleet.Heimdall;

    [SetUp]
    public async Task Start()
    {
        _fleet = await Fleet.StartAsync();
        await Heimdall.StartWorkerAsync();
        foreach (var (index, database) in _fleet.Databases.Index())
        {
            await database.ExecuteAsync(
                $"create table numbers as select {index} * 10 + i as n from generate_series(1, {index + 1}) i",
                CancellationToken.None);
        }
    }

    [TearDown]
    public async Task Stop() => await _fleet.DisposeAsync();

    [Test]
    public async Task Each_row_names_its_cluster_and_pages_run_over_the_clusters(CancellationToken cancellationToken)
    {
        var (parent, _) = await _fleet.SubmitAsync(
            "select n from numbers order by n", new { }, cancellationToken, new { return_result = true });
        await _fleet.EndsAsync(parent, cancellationToken);

        var json = (await Heimdall.GetAsync($"/api/v1/job/{parent}/result?limit=3&offset=1", cancellationToken))
            .AssertStatus(200);

        Assert.That(
            json.Json.GetProperty("columns").GetRawText(),
            Is.EqualTo("""[{"name":"_cluster","type":"text"},{"name":"n","type":"int4"}]"""));
        Assert.That(json.Json.GetProperty("data").GetRawText(), Is.EqualTo("""[["db2",11],["db2",12],["db3",21]]"""));
        Assert.That((json["total_rows"], json["status"]), Is.EqualTo(("15", "SUCCEEDED")));
        var csv = await CsvAsync(parent, "", cancellationToken);
        Assert.That(LinesOf(csv), Has.Length.EqualTo(16));
        Assert.That((await Heimdall.JobAsync(parent, cancellationToken))["row_count"], Is.EqualTo("15"));
    }

    [Test]
    public async Task Who_waits_gets_the_rows_of_all(CancellationToken cancellationToken)
    {
        var reply = await _fleet.PostAsync(
            "select count(*)::int as n from numbers", new { }, cancellationToken, new { return_result = true },
            ("Prefer", "wait=60"));

        Assert.That(
            reply.AssertStatus(200).Json.GetProperty("result").GetProperty("data").GetRawText(),
            Is.EqualTo("""[["db1",1],["db2",2],["db3",3],["db4",4],["db5",5]]"""));
    }

    [Test]
    public async Task A_batch_on_all_clusters_has_a_message_of_each(CancellationToken cancellationToken)
    {
        var (parent, _) = await _fleet.SubmitAsync("select 1; select 2", new { }, cancellationToken);
        await _fleet.EndsAsync(parent, cancellationToken);

        var reply = await Heimdall.GetAsync($"/api/v1/job/{parent}/result?limit=1", cancellationToken);

        Assert.That(
            reply.AssertStatus(200).Json.GetProperty("data").GetRawText(),
            Is.EqualTo("""[["db1","2 statements executed successfully"]]"""));
    }

    [Test]
    public async Task Columns_that_differ_are_an_error_that_says_so(CancellationToken cancellationToken)
    {
        await _fleet.Databases[3].ExecuteAsync("alter table numbers alter n type bigint", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            "select n from numbers", new { }, cancellationToken, new { return_result = true });
        await _fleet.EndsAsync(parent, cancellationToken);

        var reply = await Heimdall.GetAsync($"/api/v1/job/{parent}/result", cancellationToken);

        reply.AssertProblem(409, "cluster 'db1' has (n int4), and cluster 'db4' has (n int8)");
        Assert.That(reply["type"], Is.EqualTo("urn:heimdall:problem:columns-differ"));
        (await Heimdall.GetAsync($"/api/v1/job/{children[3]}/result", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task With_one_database_down_the_others_succeed_and_a_retry_runs_on_that_one_alone(
        CancellationToken cancellationToken)
    {
        await _fleet.Last.CutAsync();
        var (parent, children) = await _fleet.SubmitAsync(
            "select n from numbers order by n", new { }, cancellationToken, new { return_result = true });

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Is.EqualTo(new[]
        {
            "db1 SUCCEEDED", "db2 SUCCEEDED", "db3 SUCCEEDED", "db4 SUCCEEDED", "db5 FAILED",
        }));
        var job = await Heimdall.JobAsync(parent, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.StartWith("1 of 5 children did not succeed. db5: FAILED, "));
        (await Heimdall.GetAsync($"/api/v1/job/{parent}/result", cancellationToken))
            .AssertProblem(404, "4 of its 5 children succeeded: ?partial=true");
        var partial = await Heimdall.GetAsync($"/api/v1/job/{parent}/result?partial=true&limit=1", cancellationToken);
        Assert.That(
            (partial.AssertStatus(200)["total_rows"], partial["status"]), Is.EqualTo(("10", "FAILED")), partial.Text);
        var csv = await CsvAsync(parent, "?partial=true", cancellationToken);
        Assert.That(LinesOf(csv), Has.Length.EqualTo(11));
        await AreReadAsync(parent, "?partial=true&format=arrow", "?partial=true&format=parquet", cancellationToken);

        _fleet.Last.Mend();
        var retry = (await Heimdall.SendAsync(
            HttpMethod.Post, $"/api/v1/job/{parent}/retry", cancellationToken)).AssertStatus(202);

        Assert.That(await _fleet.EndsAsync(retry.Id, cancellationToken), Is.EqualTo(new[] { "db5 SUCCEEDED" }));
        Assert.That(
            (await Heimdall.GetAsync($"/api/v1/job/{retry.Id}/result?limit=1", cancellationToken)).AssertStatus(200)
                .Json.GetProperty("data").GetRawText(),
            Is.EqualTo("""[["db5",41]]"""));
    }

    [Test]
    public async Task Pages_of_a_part_lead_to_each_other_and_a_part_that_breaks_off_says_so(
        CancellationToken cancellationToken)
    {
        await _fleet.Databases[4].ExecuteAsync("drop table numbers", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            "select repeat('x', 1000) from numbers, generate_series(1, 500)", new { }, cancellationToken,
            new { return_result = true });
        await _fleet.EndsAsync(parent, cancellationToken);

        var page = await Heimdall.GetAsync($"/api/v1/job/{parent}/result?limit=1&partial=true", cancellationToken);

        Assert.That(page.AssertStatus(200).Header("Link"), Does.Contain("?offset=1&limit=1&partial=true>"));
        Assert.That(LinesOf(await CsvAsync(parent, "?partial=true", cancellationToken)), Has.Length.EqualTo(5001));
        await Heimdall.Store.ExecuteAsync(
            "delete from heimdall.job_result_chunk where job_id = $1", cancellationToken, children[3]);
        Assert.That(
            async () => await CsvAsync(parent, "?partial=true", cancellationToken),
            Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<IOException>());
    }

    [Test]
    public async Task Columns_that_differ_in_their_digits_only_go_together(CancellationToken cancellationToken)
    {
        foreach (var (place, database) in _fleet.Databases.Index())
        {
            await database.ExecuteAsync(
                $"create table amount as select 1.5::numeric({10 + place}, {1 + place}) as n", cancellationToken);
        }
        var (parent, _) = await _fleet.SubmitAsync(
            "select n from amount", new { }, cancellationToken, new { return_result = true });
        await _fleet.EndsAsync(parent, cancellationToken);

        Assert.That(
            LinesOf(await CsvAsync(parent, "", cancellationToken)),
            Is.EqualTo(new[] { "_cluster,n", "db1,1.5", "db2,1.50", "db3,1.500", "db4,1.5000", "db5,1.50000" }));
        await AreReadAsync(parent, "?format=arrow", "?format=parquet", cancellationToken);
    }

    [Test]
    public async Task Without_the_rows_of_one_there_is_no_result(CancellationToken cancellationToken)
    {
        var (parent, children) = await _fleet.SubmitAsync(
            "select n from numbers", new { }, cancellationToken, new { return_result = true });
        await _fleet.EndsAsync(parent, cancellationToken);

        // As a worker leaves it whose file says results.enabled: false.
        await Heimdall.Store.ExecuteAsync(
            "delete from heimdall.job_result where job_id = $1", cancellationToken, children[2]);

        (await Heimdall.GetAsync($"/api/v1/job/{parent}/result", cancellationToken))
            .AssertProblem(404, "No result was stored on cluster 'db3'");
        (await Heimdall.GetAsync($"/api/v1/job/{children[1]}/result", cancellationToken)).AssertStatus(200);
    }

    /// <summary>A reply that breaks off cannot be read.</summary>
    private async Task AreReadAsync(
        Guid job, string query, string otherQuery, CancellationToken cancellationToken)
    {
        foreach (var one in (string[])[query, otherQuery])
        {
            (await Heimdall.GetAsync($"/api/v1/job/{job}/result{one}", cancellationToken)).AssertStatus(200);
        }
    }

    private static string[] LinesOf(Reply csv) =>
        csv.AssertStatus(200).Text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

    private Task<Reply> CsvAsync(Guid job, string query, CancellationToken cancellationToken) => Heimdall.SendAsync(
        HttpMethod.Get, $"/api/v1/job/{job}/result{query}", cancellationToken, content: null, ("Accept", "text/csv"));
}
