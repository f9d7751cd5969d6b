using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>The password of every connection string is a canary; nothing that Heimdall says or stores may hold it.</summary>
[CancelAfter(60_000)]
public sealed class SecretTests() : RealProcessTests(processes: 2)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartProcessesAsync(config => config
        .WithCluster("stranger", "type:postgres, data:local, data:stranger", $"{config.Target};Username=nobody_{Guid.NewGuid():N}")
        .WithCluster("down", "type:postgres, data:local, data:down", $"postgresql://someone:{HeimdallInstance.Canary}@127.0.0.1:1/nothing"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task No_reply_log_or_table_holds_a_password(CancellationToken cancellationToken)
    {
        var replies = new List<Reply>();
        foreach (var cluster in new[] { "_id:postgres", "_id:stranger", "_id:down" })
        {
            replies.Add(await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, cluster: cluster));
            replies.Add(await _heimdall.SubmitAsync("select 1/0", returnResult: false, cancellationToken, cluster: cluster, prefer: "wait=30"));
        }
        var ids = replies.Where(reply => (int)reply.Status is 200 or 202).Select(reply => reply.Id).ToList();
        Assert.That(ids, Is.Not.Empty);

        foreach (var path in await GetPathsAsync(ids, cancellationToken))
        {
            replies.Add(await _heimdall.GetAsync(path, cancellationToken));
        }
        foreach (var queueId in await _heimdall.Store.ColumnAsync<long>("select id from hangfire.job", cancellationToken))
        {
            replies.Add((await _heimdall.GetAsync($"/hangfire/jobs/details/{queueId}", cancellationToken)).AssertStatus(200));
        }

        foreach (var reply in replies)
        {
            Assert.That(reply.Text, Does.Not.Contain(HeimdallInstance.Canary));
        }
        foreach (var log in _heimdall.Logs)
        {
            Assert.That(log, Is.Not.Empty.And.Not.Contain(HeimdallInstance.Canary));
        }
        Assert.That(await FindInStoreAsync(HeimdallInstance.Canary, cancellationToken), Is.Empty);
        Assert.That(await FindInStoreAsync("select 1/0", cancellationToken), Is.All.StartsWith("heimdall."), "SQL is not the queue's");
        Assert.That(await FindInStoreAsync(_heimdall.Target.ConnectionString.Split("Database=")[1].Split(';')[0], cancellationToken), Is.Empty);
    }

    /// <summary>Every GET route of the document, for everything there is, and the pages of the dashboard.</summary>
    private async Task<List<string>> GetPathsAsync(IReadOnlyCollection<Guid> jobs, CancellationToken cancellationToken)
    {
        var document = (await _heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);
        var paths = new List<string>
        {
            "/openapi/v1.json", "/hangfire", "/hangfire/servers", "/hangfire/recurring", "/hangfire/retries", "/hangfire/jobs/enqueued",
            "/hangfire/jobs/processing", "/hangfire/jobs/succeeded", "/hangfire/jobs/failed", "/hangfire/jobs/deleted",
            "/hangfire/sql/jobs", "/hangfire/sql/overview", "/hangfire/sql/schedules", "/hangfire/sql/clusters", "/hangfire/sql/hooks",
        };
        paths.AddRange(jobs.SelectMany(id => new[] { $"/hangfire/sql/jobs/{id}", $"/hangfire/sql/jobs/{id}/live" }));
        foreach (var path in document.Json.GetProperty("paths").EnumerateObject().Where(path => path.Value.TryGetProperty("get", out _)).Select(path => path.Name))
        {
            IEnumerable<string> ids = path switch
            {
                _ when path.Contains("/job/", StringComparison.Ordinal) => jobs.Select(id => id.ToString()),
                _ when path.Contains("/command/", StringComparison.Ordinal) => ["postgres-0.0.1"],
                _ => ["postgres", "stranger", "down"],
            };
            paths.AddRange(path.Contains("{id}", StringComparison.Ordinal) ? ids.Select(id => path.Replace("{id}", id, StringComparison.Ordinal)) : [path]);
        }
        Assert.That(paths, Has.Count.GreaterThan(30));
        return paths;
    }

    /// <summary>The tables with a row that holds the text anywhere.</summary>
    private async Task<List<string>> FindInStoreAsync(string text, CancellationToken cancellationToken)
    {
        var tables = await _heimdall.Store.ColumnAsync<string>(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('heimdall', 'hangfire')", cancellationToken);
        Assert.That(tables, Has.Count.GreaterThan(10));
        var found = new List<string>();
        foreach (var table in tables)
        {
            if (await _heimdall.Store.ScalarAsync<bool>($"select exists (select from {table} t where t::text like '%' || $1 || '%')", cancellationToken, text))
            {
                found.Add(table);
            }
        }
        return found;
    }
}
