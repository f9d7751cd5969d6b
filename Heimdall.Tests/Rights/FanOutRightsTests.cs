using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>
/// Jobs for all clusters, of callers whose role is for some. <c>inside</c> has the tag <c>team:a</c>, which
/// <c>postgres</c> and <c>outside</c> have not.
/// </summary>
[CancelAfter(120_000)]
public sealed class FanOutRightsTests
{
    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start() => _api = await RoleInstance.StartAsync(worker: true, users: ["alice", "bob"]);

    [OneTimeTearDown]
    public async Task Stop() => await _api.DisposeAsync();

    [Test]
    public async Task A_job_runs_where_its_caller_may_run_jobs_and_nowhere_else(CancellationToken cancellationToken)
    {
        Assert.That(
            await ClustersAsync("alice", cancellationToken), Is.EqualTo(new[] { "inside", "outside", "postgres" }));
        Assert.That(await ClustersAsync("submitter-a", cancellationToken), Is.EqualTo(new[] { "inside" }));
        (await PostAsync("reader", cancellationToken)).AssertProblem(403);
    }

    [Test]
    public async Task A_parent_is_its_callers_own(CancellationToken cancellationToken)
    {
        var parent = (await PostAsync("submitter-a", cancellationToken)).AssertStatus(202).Id;

        (await ReadAsync("submitter-a", parent, cancellationToken)).AssertStatus(200);
        (await ReadAsync("bob", parent, cancellationToken)).AssertProblem(404);
        (await ReadAsync("operator", parent, cancellationToken)).AssertStatus(200);
        var own = await _api.SendAsync("submitter-a", "GET", "/api/v1/jobs?name=all", cancellationToken);
        Assert.That(own.Text, Does.Contain($"\"id\":\"{parent}\""));
        (await _api.SendAsync("bob", "POST", $"/api/v1/job/{parent}/cancel", cancellationToken)).AssertProblem(404);
        (await _api.SendAsync("bob", "POST", $"/api/v1/job/{parent}/retry", cancellationToken)).AssertProblem(404);
    }

    [Test]
    public async Task A_role_for_some_clusters_sees_the_children_there_and_no_parents_of_others(
        CancellationToken cancellationToken)
    {
        var parent = (await PostAsync("alice", cancellationToken)).AssertStatus(202).Id;

        (await ReadAsync("operator-a", parent, cancellationToken)).AssertProblem(404);
        Assert.That(await ClustersOfAsync("operator-a", parent, cancellationToken), Is.EqualTo(new[] { "inside" }));
    }

    [Test]
    public async Task Who_may_not_see_all_clusters_any_more_reads_nothing_of_them_in_their_own_parent(
        CancellationToken cancellationToken)
    {
        var good = await MoveAsync("select 'secret' as it", cancellationToken);
        var bad = await MoveAsync("select 'secret'::int", cancellationToken);

        (await _api.SendAsync("submitter-a", "GET", $"/api/v1/job/{good}/result", cancellationToken))
            .AssertProblem(404, "clusters that you may not see");
        (await _api.SendAsync("submitter-a", "GET", $"/hangfire/sql/jobs/{good}/result/csv", cancellationToken))
            .AssertStatus(404);
        Assert.That(
            (await _api.SendAsync("submitter-a", "GET", $"/hangfire/sql/jobs/{good}", cancellationToken))
                .AssertStatus(200).Text,
            Does.Not.Contain("hd-result"));
        foreach (var path in new[]
        {
            $"/api/v1/job/{bad}", $"/api/v1/job/{bad}/status", $"/api/v1/job/{bad}/events", "/api/v1/jobs?name=moved",
        })
        {
            var told = (await _api.SendAsync("submitter-a", "GET", path, cancellationToken)).AssertStatus(200).Text;
            Assert.That(told, Does.Contain("clusters that you may not see").And.Not.Contain("outside"), path);
        }
        Assert.That(
            (await ReadAsync("operator", bad, cancellationToken)).Text,
            Does.Contain("22P02").And.Contain("outside").And.Not.Contain("may not see"));
        (await _api.SendAsync("operator", "GET", $"/api/v1/job/{good}/result", cancellationToken)).AssertStatus(200);
    }

    /// <summary>A parent of a caller whose role was for all clusters, and is for one now.</summary>
    private async Task<Guid> MoveAsync(string query, CancellationToken cancellationToken)
    {
        var job = $$"""
            {"name": "moved", "target": "all", "command_criteria": ["type:postgres"],
             "cluster_criteria": ["data:local"], "context": {"query": "{{query}}", "return_result": true} }
            """;
        var parent = (await _api.SendAsync(
            "alice", "POST", "/api/v1/job", cancellationToken, RoleInstance.Json(job), ("Prefer", "respond-async")))
            .AssertStatus(202).Id;
        await Eventually.Is(
            () => _api.Heimdall.Store.ScalarAsync<bool>(
                "select finished_at is not null from heimdall.job where id = $1", cancellationToken, parent),
            cancellationToken);
        await _api.Heimdall.Store.ExecuteAsync(
            "update heimdall.job set \"user\" = 'submitter-a' where id = $1 or parent_id = $1", cancellationToken,
            parent);
        return parent;
    }

    private Task<Reply> PostAsync(string caller, CancellationToken cancellationToken) => _api.PostAsync(
        caller, "/api/v1/job",
        """
        {"name": "all", "target": "all", "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
         "context": {"query": "select 1"}}
        """,
        cancellationToken);

    private Task<Reply> ReadAsync(string caller, Guid job, CancellationToken cancellationToken) =>
        _api.SendAsync(caller, "GET", $"/api/v1/job/{job}", cancellationToken);

    private async Task<string[]> ClustersAsync(string caller, CancellationToken cancellationToken)
    {
        var parent = (await PostAsync(caller, cancellationToken)).AssertStatus(202).Id;
        return await ClustersOfAsync("admin", parent, cancellationToken);
    }

    private async Task<string[]> ClustersOfAsync(string caller, Guid parent, CancellationToken cancellationToken)
    {
        var path = $"/api/v1/jobs?parent={parent}&direction=asc";
        var list = (await _api.SendAsync(caller, "GET", path, cancellationToken)).AssertStatus(200).Json;
        return [.. list.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("cluster_id").GetString()!)];
    }
}
