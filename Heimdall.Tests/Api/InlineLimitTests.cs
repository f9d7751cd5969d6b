using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What happens to a query when as many run on its cluster as may.</summary>
[CancelAfter(60_000)]
public sealed class InlineLimitTests
{
    [Test]
    public async Task A_full_cluster_refuses_soon_and_keeps_no_other_one_waiting(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config
                .WithCluster("small", "type:postgres, data:local", config.Target, ", max_inline: 2")
                .WithCluster("other", "type:postgres, data:local", config.Target),
            worker: false);
        await heimdall.CloseGateAsync("full", cancellationToken);
        await heimdall.Target.ExecuteAsync(
            "create function wait() returns int language plpgsql as $f$ begin while exists (select from gate where name = 'full') loop perform pg_sleep(0.02); end loop; return 1; end $f$", cancellationToken);
        var running = new[] { "alice", "bob" }
            .Select(user => heimdall.SubmitAsync("select wait()", returnResult: true, cancellationToken, name: user, user: user, cluster: "_id:small"))
            .ToArray();
        await heimdall.FindJobAsync("alice", "RUNNING", cancellationToken);
        await heimdall.FindJobAsync("bob", "RUNNING", cancellationToken);

        var refused = await QueryAsync("small");
        var dry = await heimdall.PostJobAsync(
            """
            {"name": "dry", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:small"], "dry_run": true,
             "context": {"query": "select 1", "return_result": true}}
            """,
            cancellationToken);
        var elsewhere = await QueryAsync("other");

        refused.AssertProblem(429, "'small'", "2 queries", "max_inline");
        Assert.That(refused.Header("Retry-After"), Is.EqualTo("1"));
        Assert.That(
            (refused.Header("RateLimit-Policy"), refused.Header("RateLimit")),
            Is.EqualTo(("\"queries-on-cluster\";q=2;qu=\"concurrent-requests\"", "\"queries-on-cluster\";r=0")));
        dry.AssertProblem(429, "'small'");
        elsewhere.AssertStatus(200);
        Assert.That(
            await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where cluster_id = 'small'", cancellationToken),
            Is.EqualTo(2), "what is refused is not recorded");

        // One that waits gets the place of one that ends.
        var waiting = QueryAsync("small");
        await heimdall.OpenGateAsync("full", cancellationToken);
        (await waiting).AssertStatus(200);
        foreach (var query in running)
        {
            (await query).AssertStatus(200);
        }

        Task<Reply> QueryAsync(string cluster) =>
            heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, user: "stranger", cluster: $"_id:{cluster}");
    }
}
