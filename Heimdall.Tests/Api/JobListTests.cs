using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

[CancelAfter(60_000)]
public sealed class JobListTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config.WithCommand("other", "type:other").WithCluster("second", "type:postgres, data:local, data:second", config.Target), worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Each_filter_picks_its_jobs(CancellationToken cancellationToken)
    {
        var before = DateTime.UtcNow.AddSeconds(-1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", provider: null);
        var queued = (await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, "filter-queued", user: "filter")).AssertStatus(202).Id;
        var failed = (await _heimdall.SubmitAsync("select 1/0", returnResult: true, cancellationToken, "filter-failed", "type:other", "data:second", user: "filter")).Id;

        async Task Holds(string filter, params Guid[] ids) =>
            Assert.That((await PageAsync($"user=filter&{filter}", cancellationToken)).Ids, Is.EqualTo(ids), filter);

        await Holds("", failed, queued);
        await Holds($"id={queued}", queued);
        await Holds("name=filter-queued", queued);
        await Holds("version=0.0.1", failed, queued);
        await Holds("version=0.0.2");
        await Holds("status=ACCEPTED", queued);
        await Holds("status=failed", failed);
        await Holds("status=FAILED,ACCEPTED", failed, queued);
        await Holds("status=FAILED&status=ACCEPTED", failed, queued);
        await Holds("command=other", failed);
        await Holds("cluster=second", failed);
        await Holds("tag=name:filter-failed", failed);
        await Holds($"created_after={before}", failed, queued);
        await Holds($"created_before={before}");
        await Holds("direction=asc", queued, failed);
        await Holds("order_by=updated_at", failed, queued);
        await Holds("command=other&status=ACCEPTED");
        Assert.That((await PageAsync("user=nobody", cancellationToken)).Ids, Is.Empty);
    }

    [Test]
    public async Task A_page_of_large_jobs_ends_early_and_goes_on(CancellationToken cancellationToken)
    {
        var ids = new List<Guid>();
        for (var i = 0; i < 3; i++)
        {
            var large = $"select '{new string('x', 5 * 1024 * 1024)}'";
            ids.Add((await _heimdall.SubmitAsync(large, returnResult: false, cancellationToken, user: "large")).AssertStatus(202).Id);
        }

        var first = await PageAsync("user=large&direction=asc", cancellationToken);
        var second = await PageAsync($"user=large&direction=asc&cursor={first.Next}", cancellationToken);

        Assert.That(first.Ids, Is.EqualTo(ids[..2]));
        Assert.That(second.Ids, Is.EqualTo(ids[2..]));
        Assert.That(second.Next, Is.Null);
    }

    [TestCase("")]
    [TestCase("&direction=asc")]
    [TestCase("&order_by=updated_at")]
    [TestCase("&order_by=updated_at&direction=asc")]
    public async Task Pages_hold_each_job_once_while_others_are_added(string order, CancellationToken cancellationToken)
    {
        var user = $"pages{Guid.NewGuid():N}";
        for (var i = 0; i < 7; i++)
        {
            await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: user);
        }
        var all = (await PageAsync($"user={user}{order}", cancellationToken)).Ids;

        var seen = new List<Guid>();
        string? cursor = null;
        do
        {
            var page = await PageAsync($"user={user}{order}&limit=3{(cursor is null ? "" : $"&cursor={cursor}")}", cancellationToken);
            Assert.That(page.HasMore, Is.EqualTo(page.Next is not null));
            Assert.That(page.Ids, Has.Length.LessThanOrEqualTo(3));
            seen.AddRange(page.Ids);
            cursor = page.Next;
            if (seen.Count < all.Length)
            {
                await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: user);
            }
        }
        while (cursor is not null);

        Assert.That(seen, Is.Unique);
        Assert.That(seen.Where(all.Contains), Is.EqualTo(all));
    }

    [Test]
    public async Task The_last_page_has_no_cursor(CancellationToken cancellationToken)
    {
        await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: "last");

        var page = await _heimdall.GetAsync("/api/v1/jobs?user=last&limit=1", cancellationToken);

        Assert.That(page["has_more"], Is.EqualTo("False"));
        Assert.That(page["next_cursor"], Is.Null);
    }

    [TestCase("colour=red", "colour")]
    [TestCase("Name=a", "Name")]
    [TestCase("name=", "name")]
    [TestCase("name=a&name=b", "name")]
    [TestCase("id=5", "id")]
    [TestCase("status=SLEEPING", "status")]
    [TestCase("status=1", "status")]
    [TestCase("created_after=yesterday", "created_after")]
    [TestCase("order_by=name", "order_by")]
    [TestCase("direction=up", "direction")]
    [TestCase("limit=0", "limit")]
    [TestCase("limit=201", "limit")]
    [TestCase("limit=ten", "limit")]
    [TestCase("cursor=nonsense", "cursor")]
    [TestCase("cursor=", "cursor")]
    [TestCase("cursor=bnVsbA", "cursor")]
    public async Task A_parameter_that_is_wrong_is_refused_by_name(string query, string parameter, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.GetAsync($"/api/v1/jobs?{query}", cancellationToken);

        reply.AssertProblem(400, $"{parameter}: ");
    }

    [Test]
    public async Task A_cursor_belongs_to_its_order(CancellationToken cancellationToken)
    {
        await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: "order");
        await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, user: "order");
        var page = await PageAsync("user=order&limit=1", cancellationToken);

        var otherWay = await _heimdall.GetAsync($"/api/v1/jobs?user=order&limit=1&direction=asc&cursor={page.Next}", cancellationToken);
        var otherColumn = await _heimdall.GetAsync($"/api/v1/jobs?user=order&limit=1&order_by=updated_at&cursor={page.Next}", cancellationToken);

        otherWay.AssertProblem(400, "cursor");
        otherColumn.AssertProblem(400, "cursor");
    }

    private async Task<(Guid[] Ids, bool HasMore, string? Next)> PageAsync(string query, CancellationToken cancellationToken)
    {
        var reply = (await _heimdall.GetAsync($"/api/v1/jobs?{query}", cancellationToken)).AssertStatus(200);
        var ids = reply.Json.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("id").GetGuid());
        return ([.. ids], reply.Json.GetProperty("has_more").ValueKind == JsonValueKind.True, reply["next_cursor"]);
    }
}
