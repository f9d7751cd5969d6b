using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// Hangfire's pages tell the same story whichever storage has written it. The same code reads both.
/// </summary>
[CancelAfter(240_000)]
public sealed partial class StoragePageTests
{
    private static readonly string[] Pages =
    [
        "/jobs/enqueued", "/jobs/enqueued/default", "/jobs/enqueued/schedules", "/jobs/enqueued/fetched/default",
        "/jobs/scheduled", "/jobs/processing", "/jobs/succeeded", "/jobs/failed", "/jobs/deleted", "/jobs/awaiting",
        "/retries", "/recurring", "/servers",
    ];

    [Test]
    public async Task Both_storages_write_what_looks_the_same(CancellationToken cancellationToken)
    {
        await using var ours = await HeimdallInstance.CreateAsync(Configure("heimdall"));
        await using var stock = await HeimdallInstance.CreateAsync(Configure("stock"));

        var pages = await Task.WhenAll(new[] { ours, stock }.Select(async heimdall =>
            await ReadAsync(heimdall, await LiveAsync(heimdall, cancellationToken), cancellationToken)));

        AssertEqual(pages[0], pages[1]);
        var counts = await Task.WhenAll(
            new[] { ours, stock }.Select(heimdall => heimdall.Store.ColumnAsync<string>(CountsSql, cancellationToken)));
        Assert.That(counts[0], Is.EqualTo(counts[1]).And.Not.Empty);
        foreach (var heimdall in new[] { ours, stock })
        {
            var states = await heimdall.Store.ColumnAsync<string>(StatesSql, cancellationToken);
            Assert.That(states, Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }), "each costs the store");
        }
    }

    private const string StatesSql = """
        select state.name from hangfire.state join heimdall.job on job.queue_id::bigint = state.jobid
        where job.name = 'good' order by state.id
        """;

    private const string CountsSql = """
        select concat_ws(' ', statename, count(*)) from hangfire.job group by statename
        union all select concat_ws(' ', key, sum(value)) from (
            select key, value from hangfire.counter union all select key, value from hangfire.aggregatedcounter) count
        where key in ('stats:succeeded', 'stats:deleted') group by key
        order by 1
        """;

    private static Func<InstanceConfig, InstanceConfig> Configure(string storage) => config => config with
    {
        Queue = $"storage: {storage}",
        Schedules = "- {name: yearly, cron: 0 0 1 1 *, command_criteria: [type:postgres], "
            + "cluster_criteria: [data:local], context: {query: select 1}}\n",
    };

    /// <summary>
    /// One job of each end, one after the other. What is not at its end stays as it is: the worker has gone.
    /// </summary>
    private static async Task<Guid[]> LiveAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        await heimdall.StartApiAsync();
        var worker = await heimdall.StartWorkerAsync();
        var succeeded = await heimdall.EnqueueAsync("select 1", cancellationToken, "good");
        await heimdall.WaitForEndAsync(succeeded, cancellationToken);
        var failed = await heimdall.EnqueueAsync("select 1/0", cancellationToken, "bad");
        await heimdall.WaitForEndAsync(failed, cancellationToken);
        await heimdall.CloseGateAsync("gate", cancellationToken);
        var canceled = await heimdall.EnqueueAsync(HeimdallInstance.WaitAt("gate"), cancellationToken, "stopped");
        await heimdall.WaitForStatusAsync(canceled, "RUNNING", cancellationToken);
        await heimdall.CancelAsync(canceled, cancellationToken);
        await heimdall.WaitForEndAsync(canceled, cancellationToken);
        foreach (var (job, state) in new[] { (succeeded, "Succeeded"), (failed, "Failed"), (canceled, "Deleted") })
        {
            await Eventually.Becomes(
                () => heimdall.QueueStateAsync(job, cancellationToken), () => Does.StartWith(state), cancellationToken);
        }
        await worker.DisposeAsync();
        var waiting = await heimdall.EnqueueAsync("select 1", cancellationToken, "waiting");
        return [succeeded, failed, canceled, waiting];
    }

    private static async Task<Dictionary<string, string>> ReadAsync(
        HeimdallInstance heimdall, Guid[] jobs, CancellationToken cancellationToken)
    {
        var entries = await heimdall.Store.ColumnAsync<string>(
            "select queue_id from heimdall.job where id = any($1) order by id", cancellationToken, jobs);
        var pages = new Dictionary<string, string>();
        foreach (var path in Pages.Concat(entries.Select(entry => $"/jobs/details/{entry}")))
        {
            var page = await heimdall.GetAsync($"/hangfire{path}", cancellationToken);
            pages[pages.Count < Pages.Length ? path : $"job {pages.Count - Pages.Length}"] =
                page.AssertStatus(200).Text.ReplaceLineEndings();
        }
        return pages;
    }

    private static void AssertEqual(Dictionary<string, string> ours, Dictionary<string, string> stock) =>
        Assert.Multiple(() =>
        {
            foreach (var (path, page) in ours)
            {
                Assert.That(Lines(page), Is.EqualTo(Lines(stock[path])), path);
            }
        });

    private static string[] Lines(string page)
    {
        var same = Duration().Replace(PerRequest().Replace(Exception().Replace(page, "…"), ""), "+");
        var text = Varying().Replace(same, "…");
        return text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Tokens against forgery, servers, how long something took, and how long ago it was.</summary>
    [GeneratedRegex(
        """
        (?<=[">])[^<>"]*:\d+:[0-9a-f-]+(?=["<])|csrf[^>]*|nonce="[^"]*"|Generated:[^<]*|(&lt;)?\d+(\.\d+)?\ ?(ms|s|sec|m|min|seconds?|minutes?)\b
        """,
        RegexOptions.IgnorePatternWhitespace | RegexOptions.IgnoreCase)]
    private static partial Regex PerRequest();

    /// <summary>Hangfire looks 100 ms for calls in it. Without an answer by then it shows the text as it is.</summary>
    [GeneratedRegex("""(?<=<pre class="stack-trace">).*?(?=</pre>)""", RegexOptions.Singleline)]
    private static partial Regex Exception();

    /// <summary>How long after the state before it a state came.</summary>
    [GeneratedRegex(@"(?<=[>(])\+[^<)]*")]
    private static partial Regex Duration();

    /// <summary>Ids and times.</summary>
    [GeneratedRegex(@"\b[0-9a-f]{8}(-[0-9a-f-]{27})?\b|[0-9][0-9:.,TZ/+-]*")]
    private static partial Regex Varying();
}
