using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Two APIs over one store: what one has begun, the other knows of.</summary>
[CancelAfter(120_000)]
public sealed class TwoApisTests
{
    private const string Criteria = "\"command_criteria\": [\"type:postgres\"], \"cluster_criteria\": [\"_id:postgres\"]";

    private HeimdallInstance _heimdall = null!;
    private SecondApi _second = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        _second = await SecondApi.StartAsync(_heimdall, CancellationToken.None);
        await _heimdall.Target.ExecuteAsync("create table effect (name text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _second.DisposeAsync();
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task One_key_that_both_are_sent_at_once_makes_one_job([Values] bool isQuery, CancellationToken cancellationToken)
    {
        for (var round = 0; round < 5; round++)
        {
            var name = $"raced-{isQuery}-{round}";
            var body = $$"""{"name": "{{name}}", {{Criteria}}, "context": {"query": "insert into effect values ('{{name}}')", "return_result": {{(isQuery ? "true" : "false")}} } }""";

            var replies = await Task.WhenAll(Enumerable.Range(0, 30).Select(number => number % 2 == 0
                ? _heimdall.PostJobAsync(body, cancellationToken, ("Idempotency-Key", name))
                : _second.PostAsync("/api/v1/job", body, cancellationToken, ("Idempotency-Key", name))));

            foreach (var reply in replies)
            {
                Assert.That((int)reply.Status, Is.AnyOf(200, 202, 409), reply.Text); // 409: the first call is still at it
            }
            Assert.That(replies.Select(reply => (int)reply.Status), Has.Some.AnyOf(200, 202));
            Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where name = $1", cancellationToken, name), Is.EqualTo(1));
            await Eventually.Is(
                () => _heimdall.Store.ScalarAsync<bool>("select status = 'SUCCEEDED' from heimdall.job where name = $1", cancellationToken, name), cancellationToken);
            Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from effect where name = $1", cancellationToken, name), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_query_that_one_runs_is_cancelled_through_the_other(CancellationToken cancellationToken)
    {
        var query = _heimdall.SubmitAsync("select pg_sleep(600)", returnResult: true, cancellationToken, name: "elsewhere");
        var id = await _heimdall.FindJobAsync("elsewhere", "RUNNING", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        var cancel = await _second.PostAsync($"/api/v1/job/{id}/cancel", "{}", cancellationToken);
        var reply = await query;

        Assert.That((int)cancel.Status, Is.AnyOf(200, 202), cancel.Text);
        Assert.That((int)reply.Status, Is.GreaterThanOrEqualTo(400), reply.Text);
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("CANCELED"));
        Assert.That(await _heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }
}
