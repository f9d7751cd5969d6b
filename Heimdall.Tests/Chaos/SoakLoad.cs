using System.Net;
using System.Net.Http.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>
/// Callers of a soak: batches on two clusters, short queries, stored queries and cancels, at both APIs. A caller whose
/// API does not answer asks the other one, under the same idempotency key.
/// </summary>
internal sealed class SoakLoad : IAsyncDisposable
{
    private const int StoredRows = 2_000;
    private const string Reports = "reports";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Refused = TimeSpan.FromMilliseconds(200);

    private readonly HeimdallInstance _heimdall;
    private readonly HttpClient[] _apis;
    private readonly CancellationTokenSource _enough;
    private readonly Task[] _each;
    private readonly Task _callers;
    private int _next;
    private int _batches;
    private int _queries;
    private int _stored;
    private int _canceled;

    private SoakLoad(HeimdallInstance heimdall, IEnumerable<Uri> apis, CancellationToken cancellationToken)
    {
        _heimdall = heimdall;
        _apis = [.. apis.Select(address => new HttpClient { BaseAddress = address })];
        _enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _each =
        [
            RepeatAsync(BatchAsync, cancellationToken), RepeatAsync(BatchAsync, cancellationToken),
            RepeatAsync(QueryAsync, cancellationToken), RepeatAsync(StoredQueryAsync, cancellationToken),
            RepeatAsync(CancelAsync, cancellationToken),
        ];
        _callers = Task.WhenAll(_each);
    }

    /// <summary>The table in which batches leave their numbers.</summary>
    public static Task PrepareAsync(HeimdallInstance heimdall) =>
        heimdall.Target.ExecuteAsync("create table effect (number int not null)", CancellationToken.None);

    /// <summary>Writes the configuration that all processes but one have.</summary>
    /// <returns>Its path.</returns>
    public static string NewFile(HeimdallInstance heimdall, Uri? address = null) => WriteFile(
        heimdall,
        address,
        file => file
            .Replace(
                "\nclusters:\n",
                $"""

                clusters:
                - name: {Reports}
                  version: 0.0.1
                  tags: [type:postgres, data:local, data:{Reports}]
                  context:
                    connection_string: "{heimdall.Target.ConnectionString}"

                """,
                StringComparison.Ordinal)
            .TrimEnd() + """

            - name: secondly
              cron: "* * * * * *"
              misfire: all
              overlap: allow
              command_criteria: [type:postgres]
              cluster_criteria: ["_id:postgres"]
              context: {query: select 1}

            """);

    /// <summary>Writes the configuration as it was before there were a second cluster and a schedule.</summary>
    /// <returns>Its path.</returns>
    public static string OldFile(HeimdallInstance heimdall) => WriteFile(heimdall, address: null, file => file);

    public static async Task<SoakLoad> StartAsync(
        HeimdallInstance heimdall, IReadOnlyList<Uri> apis, CancellationToken cancellationToken)
    {
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>(
                "select exists (select from heimdall.cluster where id = $1)", cancellationToken, Reports),
            cancellationToken);
        return new SoakLoad(heimdall, apis, cancellationToken);
    }

    /// <summary>Fails when a caller has got a wrong answer.</summary>
    public void AssertGoesOn()
    {
        foreach (var caller in _each)
        {
            Assert.That(caller.IsFaulted, Is.False, $"{caller.Exception}");
        }
    }

    /// <summary>Asks for no more, waits for what is open, and compares what was asked for with what was done.</summary>
    public async Task AssertNothingLostOrDoubleAsync(CancellationToken cancellationToken)
    {
        await _enough.CancelAsync();
        await _callers;
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where finished_at is null and schedule is null", cancellationToken),
            () => Is.Zero, cancellationToken, Patience);
        Assert.That(
            await _heimdall.Store.ColumnAsync<string>(
                "select concat_ws(' ', name, status, error) from heimdall.job where status in ('FAILED', 'KILLED')",
                cancellationToken),
            Is.Empty);
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select number from effect order by number", cancellationToken),
            Is.EqualTo(Enumerable.Range(1, _batches)));
    }

    public override string ToString() =>
        $"{_batches} batches, {_queries} queries, {_stored} stored queries, {_canceled} cancels";

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await _callers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _enough.Dispose();
        foreach (var api in _apis)
        {
            api.Dispose();
        }
    }

    private static string WriteFile(HeimdallInstance heimdall, Uri? address, Func<string, string> change)
    {
        var file = Path.Combine(Path.GetDirectoryName(heimdall.ConfigFile)!, $"{Guid.NewGuid():N}.yaml");
        var text = change(File.ReadAllText(heimdall.ConfigFile));
        var own = heimdall.Address.AbsoluteUri.TrimEnd('/');
        File.WriteAllText(
            file, text.Replace(own, address?.AbsoluteUri.TrimEnd('/') ?? own, StringComparison.Ordinal));
        return file;
    }

    private async Task RepeatAsync(Func<CancellationToken, Task> askAsync, CancellationToken cancellationToken)
    {
        while (!_enough.IsCancellationRequested)
        {
            await askAsync(cancellationToken);
            await Task.Delay(Pause, _enough.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task BatchAsync(CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _batches);
        await EnqueueAsync(
            Job($"insert into effect values ({number}); select pg_sleep(0.01)", IsOnReports(number)), cancellationToken);
    }

    private async Task QueryAsync(CancellationToken cancellationToken)
    {
        var number = ++_queries;
        var job = Job($"select {number}", IsOnReports(number), returnResult: true);
        var reply = await SendAsync(() => Post("job", job), [HttpStatusCode.OK], cancellationToken);
        Assert.That(reply.Json.GetProperty("result").GetProperty("data").ToString(), Is.EqualTo($"[[{number}]]"));
    }

    private async Task StoredQueryAsync(CancellationToken cancellationToken)
    {
        var query = $"select i, repeat('x', 50) from generate_series(1, {StoredRows}) i";
        var job = await EnqueueAsync(
            Job(query, IsOnReports(++_stored), returnResult: true), cancellationToken, ("Prefer", "respond-async"));
        await WaitForAsync(job, "SUCCEEDED", cancellationToken);
        var result = await SendAsync(() => Get($"job/{job}/result"), [HttpStatusCode.OK], cancellationToken);
        Assert.That(result.Json.GetProperty("data").GetArrayLength(), Is.EqualTo(StoredRows));
    }

    private async Task CancelAsync(CancellationToken cancellationToken)
    {
        _canceled++;
        var job = await EnqueueAsync(Job("select pg_sleep(60)", isOnReports: false), cancellationToken);
        // 409: it has ended already, by a cancel whose answer was lost.
        await SendAsync(
            () => Post($"job/{job}/cancel", new { }),
            [HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.Conflict], cancellationToken);
        await WaitForAsync(job, "CANCELED", cancellationToken);
    }

    private async Task WaitForAsync(Guid job, string status, CancellationToken cancellationToken) =>
        await Eventually.Becomes(
            async () => (await SendAsync(() => Get($"job/{job}"), [HttpStatusCode.OK], cancellationToken))["status"],
            () => Is.EqualTo(status), cancellationToken, Patience);

    private static bool IsOnReports(int number) => number % 5 == 0;

    private static object Job(string query, bool isOnReports, bool returnResult = false) => new
    {
        name = "soak",
        command_criteria = new[] { "type:postgres" },
        cluster_criteria = new[] { $"_id:{(isOnReports ? Reports : "postgres")}" },
        context = new { query, return_result = returnResult },
    };

    private async Task<Guid> EnqueueAsync(
        object job, CancellationToken cancellationToken, params (string Name, string Value)[] headers)
    {
        headers = [.. headers, ("Idempotency-Key", $"{Guid.NewGuid()}")];
        return (await SendAsync(() => Post("job", job, headers), [HttpStatusCode.Accepted], cancellationToken)).Id;
    }

    private static HttpRequestMessage Get(string what) => new(HttpMethod.Get, $"/api/v1/{what}");

    private static HttpRequestMessage Post(string what, object body, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/{what}") { Content = JsonContent.Create(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }

    /// <summary>Asks one API after the other, until one answers.</summary>
    /// <param name="make">Makes the request, for each API anew.</param>
    /// <param name="statuses">Right answers.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    private async Task<Reply> SendAsync(
        Func<HttpRequestMessage> make, HttpStatusCode[] statuses, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                using var request = make();
                var api = _apis[(uint)Interlocked.Increment(ref _next) % _apis.Length];
                using var response = await api.SendAsync(request, cancellationToken);
                var reply = await Reply.ReadAsync(response, cancellationToken);
                var isToBeRepeated = reply.Status == HttpStatusCode.ServiceUnavailable
                    || reply.Text.Contains("idempotency-key-outstanding", StringComparison.Ordinal);
                if (!isToBeRepeated)
                {
                    Assert.That(reply.Status, Is.AnyOf([.. statuses.Cast<object>()]), reply.Text);
                    return reply;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException
                || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // It is being replaced.
            }
            await Task.Delay(Refused, cancellationToken);
        }
    }
}
