using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Client;

/// <summary>
/// Heimdall's API. A request that may be repeated is repeated while what stood in the way passes by itself.
/// Submissions for the queue carry an <c>Idempotency-Key</c>, so that a repeated one makes no second job. What may have
/// taken effect is not repeated.
/// </summary>
/// <exception cref="HeimdallException">Thrown by each method when Heimdall refuses, or does not answer.</exception>
public sealed class HeimdallClient(HeimdallOptions options) : IDisposable
{
    private const int LongestWait = 30; // seconds in one request
    private const string NextCursor = "next_cursor";
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CancelTime = TimeSpan.FromSeconds(10);

    private readonly HeimdallConnection _connection = new(options);

    /// <summary>Runs a query at once and reads its rows as they come. Cancellation cancels the query too.</summary>
    public async Task<QueryRows> QueryAsync(HeimdallSubmission query, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Post, "job", ToBytes((query with { ReturnResult = true }).ToJson()))
        {
            Accept = "application/x-ndjson",
            IsStreamed = true,
            Timeout = Timeout.InfiniteTimeSpan,
            IsRepeatable = query.ReadOnly,
        };
        return await OpenRowsAsync(request, cancellationToken);
    }

    /// <summary>
    /// Runs a query at once and copies its rows, as they come, to a stream. Cancellation cancels the query too.
    /// </summary>
    /// <param name="query">The query.</param>
    /// <param name="mediaType">What the rows are written as, such as <see cref="HeimdallMediaTypes.Arrow"/>.</param>
    /// <param name="target">
    /// Where they go. When this throws, what is there is not the whole: <see cref="HeimdallException.JobId"/> names the
    /// job, which says why. A limit that has cut the rows is one of the reasons.
    /// </param>
    /// <param name="cancellationToken">Ends the copy.</param>
    /// <returns>The job.</returns>
    public async Task<Guid?> CopyQueryAsync(
        HeimdallSubmission query, string mediaType, Stream target, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Post, "job", ToBytes((query with { ReturnResult = true }).ToJson()))
        {
            Accept = mediaType,
            IsStreamed = true,
            Timeout = Timeout.InfiniteTimeSpan,
            IsRepeatable = query.ReadOnly,
        };
        return await _connection.CopyAsync(request, target, cancellationToken);
    }

    /// <summary>Copies the stored rows of a queued query to a stream.</summary>
    /// <param name="id">The job.</param>
    /// <param name="mediaType">What the rows are written as, such as <see cref="HeimdallMediaTypes.Parquet"/>.</param>
    /// <param name="target">Where they go. When this throws, what is there is not the whole.</param>
    /// <param name="cancellationToken">Ends the copy.</param>
    public Task CopyResultAsync(
        Guid id, string mediaType, Stream target, CancellationToken cancellationToken = default) =>
        _connection.CopyAsync(
            new ApiRequest(HttpMethod.Get, $"job/{id}/result") { Accept = mediaType, IsStreamed = true },
            target, cancellationToken);

    /// <summary>Puts a job into the queue.</summary>
    /// <param name="job">A batch, or a query whose rows are stored.</param>
    /// <param name="idempotencyKey">
    /// A key of the caller's own: 1 to 255 printable ASCII characters. By default a new one.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the answer; the job may be recorded.</param>
    public Task<HeimdallJob> SubmitAsync(
        HeimdallSubmission job, string? idempotencyKey = null, CancellationToken cancellationToken = default) =>
        SubmitAsync(job, idempotencyKey, "respond-async", cancellationToken);

    /// <summary>Puts up to 1,000 jobs into the queue, all of them or none.</summary>
    public async Task<IReadOnlyList<HeimdallJob>> SubmitManyAsync(
        IEnumerable<HeimdallSubmission> jobs, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        var body = ToBytes(new JsonArray([.. jobs.Select(job => job.ToJson())]));
        var request = new ApiRequest(HttpMethod.Post, "jobs", body) { IdempotencyKey = KeyOf(idempotencyKey) };
        var queued = await _connection.ReadAsync(request, cancellationToken);
        return _connection.Interpret<HeimdallJob[]>(() => [.. queued.EnumerateArray().Select(job => new HeimdallJob(job))]);
    }

    /// <summary>Puts a job into the queue and waits for its end, however it ends.</summary>
    /// <param name="job">As for <see cref="SubmitAsync(HeimdallSubmission, string?, CancellationToken)"/>.</param>
    /// <param name="idempotencyKey">The same.</param>
    /// <param name="cancelJob">
    /// Whether cancellation also asks Heimdall to cancel the job. A job whose submission is not yet answered may run.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<HeimdallJob> RunAsync(
        HeimdallSubmission job, string? idempotencyKey = null, bool cancelJob = false,
        CancellationToken cancellationToken = default)
    {
        // To be cancelled, a job must be known: then the answer comes at once.
        var prefer = cancelJob ? "respond-async" : $"respond-async, wait={LongestWait}";
        var queued = await SubmitAsync(job, idempotencyKey, prefer, cancellationToken);
        return queued.HasEnded ? queued : await WaitAsync(queued.Id, cancelJob, cancellationToken);
    }

    /// <summary>Waits for the end of a job, however it ends.</summary>
    /// <param name="id">The job.</param>
    /// <param name="cancelJob">Whether cancellation also asks Heimdall to cancel the job.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<HeimdallJob> WaitAsync(Guid id, bool cancelJob = false, CancellationToken cancellationToken = default)
    {
        try
        {
            for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 1.5 : LongestPause)
            {
                using var response = await _connection.SendAsync(
                    new ApiRequest(HttpMethod.Get, $"job/{id}") { Prefer = $"wait={LongestWait}" }, cancellationToken);
                var job = new HeimdallJob(await _connection.ReadAsync(response, cancellationToken));
                if (job.HasEnded)
                {
                    return job;
                }
                // A server that has waited need not be waited for.
                var hasWaited = response.Headers.Contains("Preference-Applied");
                await Task.Delay(hasWaited ? FirstPause : pause, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancelJob && cancellationToken.IsCancellationRequested)
        {
            using var time = new CancellationTokenSource(CancelTime);
            try
            {
                await CancelAsync(id, time.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or HeimdallException)
            {
                // It has ended by itself, or cannot be asked for: the caller gets the cancellation all the same.
            }
            throw;
        }
    }

    /// <summary>What a job would do. Nothing is run or recorded.</summary>
    public Task<JsonElement> DryRunAsync(HeimdallSubmission job, CancellationToken cancellationToken = default)
    {
        var body = job.ToJson();
        body["dry_run"] = true;
        return PostAsync("job", body, cancellationToken);
    }

    public async Task<HeimdallJob> JobAsync(Guid id, CancellationToken cancellationToken = default) =>
        new(await GetAsync($"job/{id}", cancellationToken));

    public async Task<HeimdallJobState> StatusAsync(Guid id, CancellationToken cancellationToken = default) =>
        new(await GetAsync($"job/{id}/status", cancellationToken));

    /// <summary>All jobs that a filter lets through, page by page as they are asked for.</summary>
    public IAsyncEnumerable<HeimdallJob> ListAsync(
        HeimdallJobFilter filter, CancellationToken cancellationToken = default) =>
        ReadPagesAsync(
            cursor => $"jobs?{filter.ToQuery(cursor)}", job => new HeimdallJob(job), NextCursor, cancellationToken);

    /// <summary>The lines of a job's log so far.</summary>
    /// <param name="id">The job.</param>
    /// <param name="notices">False for the run log (stdout), true for notices and errors (stderr).</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async IAsyncEnumerable<string> ReadLogAsync(
        Guid id, bool notices = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var path = $"job/{id}/{(notices ? "stderr" : "stdout")}";
        var request = new ApiRequest(HttpMethod.Get, path) { Accept = "text/plain", IsStreamed = true };
        using var response = await _connection.SendAsync(request, cancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken), Encoding.UTF8);
        while (await ReadLineAsync() is { } line)
        {
            yield return line;
        }

        async Task<string?> ReadLineAsync()
        {
            try
            {
                return await lines.ReadLineAsync(cancellationToken);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw HeimdallException.NoAnswer(_connection.Address, e, neverSent: false);
            }
        }
    }

    /// <summary>
    /// What happens to a job, from its first line to its end. A lost connection is made again, and no line is missed or
    /// comes twice.
    /// </summary>
    public IAsyncEnumerable<JobEvent> FollowAsync(Guid id, CancellationToken cancellationToken = default) =>
        new HeimdallJobEvents(_connection, id).ReadAsync(cancellationToken);

    /// <summary>The stored rows of a queued query, or the message of a batch.</summary>
    public async Task<QueryRows> ResultAsync(Guid id, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Get, $"job/{id}/result")
        {
            Accept = "application/x-ndjson",
            IsStreamed = true,
        };
        return await OpenRowsAsync(request, cancellationToken);
    }

    /// <summary>
    /// The same rows in the same order, read in chunks side by side. Heimdall reads the result once more for that.
    /// A chunk is taken only if its SHA-256 is that of the list of chunks.
    /// </summary>
    public Task<QueryRows> ResultAsync(
        Guid id, HeimdallChunks chunks, CancellationToken cancellationToken = default) =>
        new ResultChunks(_connection, id, chunks).OpenAsync(cancellationToken);

    /// <summary>Asks for a job to be stopped. It may still end otherwise: see <see cref="WaitAsync"/>.</summary>
    public async Task<HeimdallJob> CancelAsync(Guid id, CancellationToken cancellationToken = default) =>
        new(await PostAsync($"job/{id}/cancel", body: null, cancellationToken));

    /// <summary>Approves somebody else's job that waits for it.</summary>
    public async Task<HeimdallJob> ApproveAsync(Guid id, CancellationToken cancellationToken = default) =>
        new(await PostAsync($"job/{id}/approve", body: null, cancellationToken));

    /// <summary>Refuses somebody else's job that waits for an approval: it ends CANCELED.</summary>
    /// <param name="id">The job.</param>
    /// <param name="reason">What its owner learns.</param>
    /// <param name="cancellationToken">Ends the wait for the answer; the job may be refused.</param>
    public async Task<HeimdallJob> RefuseAsync(
        Guid id, string reason, CancellationToken cancellationToken = default) =>
        new(await PostAsync($"job/{id}/refuse", new JsonObject { ["reason"] = reason }, cancellationToken));

    /// <summary>Runs a job that has ended once more, as a new one. This is not repeated after a lost answer.</summary>
    /// <param name="id">The old job.</param>
    /// <param name="fromStatement">Of a batch without transaction: where to resume; null for the beginning.</param>
    /// <param name="secrets">The secrets that it had, by name: they went with its end.</param>
    /// <param name="cancellationToken">Ends the wait for the answer; the new job may be recorded.</param>
    public async Task<HeimdallJob> RetryAsync(
        Guid id, long? fromStatement = null, IReadOnlyDictionary<string, string>? secrets = null,
        CancellationToken cancellationToken = default)
    {
        // Never without a body: .NET itself repeats a request that has none when its connection closes, and the server
        // takes no key here that would prevent a second job.
        JsonObject body = [];
        if (fromStatement is not null)
        {
            body["from_statement"] = fromStatement;
        }
        if (secrets is not null)
        {
            body["secrets"] = new JsonObject(
                secrets.Select(secret => KeyValuePair.Create(secret.Key, (JsonNode?)secret.Value)));
        }
        var request = new ApiRequest(HttpMethod.Post, $"job/{id}/retry", ToBytes(body));
        using var response = await _connection.SendAsync(request, cancellationToken);
        return new(await _connection.ReadAsync(response, cancellationToken))
        {
            HooksLeftOut = response.Headers.TryGetValues("Heimdall-Hooks-Left-Out", out var left)
                ? [.. left.SelectMany(hooks => hooks.Split(", "))]
                : [],
        };
    }

    /// <summary>Who this client is to Heimdall.</summary>
    public async Task<HeimdallCaller> MeAsync(CancellationToken cancellationToken = default) =>
        new(await GetAsync("me", cancellationToken));

    /// <summary>Puts a script where jobs can name it, or replaces it as a whole.</summary>
    /// <param name="path">Its path, such as <c>reports/headcount.sql</c>.</param>
    /// <param name="script">Read from its beginning to its end, again where the request is repeated.</param>
    /// <param name="ifMatch">The <c>ETag</c> of what may be replaced; null: whatever is there.</param>
    /// <param name="onlyNew">Whether nothing may be replaced.</param>
    /// <param name="cancellationToken">Ends the wait for the answer; the script may be there.</param>
    public async Task<HeimdallScript> PutScriptAsync(
        string path, Stream script, string? ifMatch = null, bool onlyNew = false,
        CancellationToken cancellationToken = default)
    {
        if (!script.CanSeek)
        {
            throw new ArgumentException("The stream must be one that can seek: it may be sent again.", nameof(script));
        }
        var request = new ApiRequest(HttpMethod.Put, PathOfScript(path))
        {
            Script = script,
            IfMatch = ifMatch,
            IfNoneMatch = onlyNew ? "*" : null,
            Timeout = Timeout.InfiniteTimeSpan,
            // A condition does not hold any more once it has let the change through.
            IsRepeatable = ifMatch is null && !onlyNew,
        };
        using var response = await _connection.SendAsync(request, cancellationToken);
        return new(await _connection.ReadAsync(response, cancellationToken))
        {
            ETag = response.Headers.ETag?.ToString(),
        };
    }

    /// <summary>Copies a script to a stream.</summary>
    /// <returns>Its <c>ETag</c>, for <c>ifMatch</c>.</returns>
    public async Task<string?> GetScriptAsync(
        string path, Stream target, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Get, PathOfScript(path))
        {
            Accept = HeimdallMediaTypes.Sql,
            IsStreamed = true,
        };
        using var response = await _connection.SendAsync(request, cancellationToken);
        if (response.Content.Headers.ContentType?.MediaType != HeimdallMediaTypes.Sql)
        {
            throw HeimdallException.Foreign(_connection.Address, response.StatusCode);
        }
        await _connection.CopyAsync(response, target, jobId: null, cancellationToken);
        return response.Headers.ETag?.ToString();
    }

    /// <summary>All scripts whose path begins so, in the order of their paths, page by page.</summary>
    public IAsyncEnumerable<HeimdallScript> ListScriptsAsync(
        string prefix = "", CancellationToken cancellationToken = default) =>
        ReadPagesAsync(
            after => $"sql?{HeimdallJobFilter.Write([("prefix", prefix), ("limit", "200"), ("after", after)])}",
            script => new HeimdallScript(script), "next_after", cancellationToken);

    /// <param name="path">The script.</param>
    /// <param name="ifMatch">Its <c>ETag</c>, to delete that one alone; null: whatever is there.</param>
    /// <param name="cancellationToken">Ends the wait for the answer; the script may be gone.</param>
    public async Task DeleteScriptAsync(
        string path, string? ifMatch = null, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Delete, PathOfScript(path))
        {
            IfMatch = ifMatch,
            IsRepeatable = ifMatch is null,
        };
        (await _connection.SendAsync(request, cancellationToken)).Dispose();
    }

    public async Task<IReadOnlyList<HeimdallSchedule>> SchedulesAsync(CancellationToken cancellationToken = default) =>
        await GetAllAsync("schedules", schedule => new HeimdallSchedule(schedule), cancellationToken);

    public async Task<HeimdallSchedule> ScheduleAsync(string id, CancellationToken cancellationToken = default) =>
        new(await GetAsync(PathOf("schedule", id), cancellationToken));

    /// <summary>Makes or replaces a schedule. The fields are those of <c>docs/guide/schedules.md</c>.</summary>
    public async Task<HeimdallSchedule> PutScheduleAsync(
        string id, JsonObject schedule, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Put, PathOf("schedule", id), ToBytes(schedule));
        return new(await _connection.ReadAsync(request, cancellationToken));
    }

    public async Task DeleteScheduleAsync(string id, CancellationToken cancellationToken = default) =>
        (await _connection.SendAsync(new(HttpMethod.Delete, PathOf("schedule", id)), cancellationToken)).Dispose();

    /// <summary>Runs a schedule now, once.</summary>
    public async Task<HeimdallScheduleRun> TriggerAsync(
        string id, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        var request = new ApiRequest(HttpMethod.Post, $"{PathOf("schedule", id)}/trigger")
        {
            IdempotencyKey = KeyOf(idempotencyKey),
        };
        return new(await _connection.ReadAsync(request, cancellationToken));
    }

    public async Task<IReadOnlyList<HeimdallCatalogEntry>> ClustersAsync(CancellationToken cancellationToken = default) =>
        await GetAllAsync("clusters", cluster => new HeimdallCatalogEntry(cluster), cancellationToken);

    public async Task<IReadOnlyList<HeimdallCatalogEntry>> CommandsAsync(CancellationToken cancellationToken = default) =>
        await GetAllAsync("commands", command => new HeimdallCatalogEntry(command), cancellationToken);

    /// <summary>Who is notified of what happens. For operators, as all that is about hooks.</summary>
    public async Task<IReadOnlyList<HeimdallHook>> HooksAsync(CancellationToken cancellationToken = default) =>
        await GetAllAsync("hooks", hook => new HeimdallHook(hook), cancellationToken);

    /// <summary>All messages to hooks that a filter lets through, the newest first, page by page.</summary>
    public IAsyncEnumerable<HeimdallDelivery> DeliveriesAsync(
        HeimdallDeliveryFilter filter, CancellationToken cancellationToken = default) =>
        ReadPagesAsync(
            cursor => $"hooks/deliveries?{filter.ToQuery(cursor)}", message => new HeimdallDelivery(message),
            NextCursor, cancellationToken);

    /// <summary>A message, with what it says and how its attempts ended.</summary>
    public async Task<HeimdallDelivery> DeliveryAsync(Guid id, CancellationToken cancellationToken = default) =>
        new(await GetAsync($"hooks/deliveries/{id}", cancellationToken));

    /// <summary>Has a message sent again, with the same id, whatever became of it.</summary>
    public async Task<HeimdallDelivery> RedeliverAsync(Guid id, CancellationToken cancellationToken = default) =>
        new(await _connection.ReadAsync(
            new ApiRequest(HttpMethod.Post, $"hooks/deliveries/{id}/redeliver"), cancellationToken));

    /// <summary>Has a message of type <c>hook.test</c> sent.</summary>
    public async Task<HeimdallDelivery> TestHookAsync(string id, CancellationToken cancellationToken = default) =>
        new(await _connection.ReadAsync(
            new ApiRequest(HttpMethod.Post, $"hooks/{Uri.EscapeDataString(id)}/test"), cancellationToken));

    /// <summary>What of the queue is paused.</summary>
    public async Task<IReadOnlyList<HeimdallPause>> PausesAsync(CancellationToken cancellationToken = default)
    {
        var queue = await GetAsync("queue", cancellationToken);
        return _connection.Interpret<HeimdallPause[]>(
            () => [.. queue.GetProperty("pauses").EnumerateArray().Select(pause => new HeimdallPause(pause))]);
    }

    /// <summary>Starts no more jobs of the whole queue, a cluster, a command or a schedule.</summary>
    public Task PauseAsync(
        HeimdallPauseTarget target, string? reason = null, DateTimeOffset? until = null,
        CancellationToken cancellationToken = default)
    {
        var body = new JsonObject();
        if (reason is not null)
        {
            body["reason"] = reason;
        }
        if (until is not null)
        {
            body["until"] = until.Value.ToString("O");
        }
        return PostAsync($"{target.Path}/pause", body, cancellationToken);
    }

    public Task ResumeAsync(HeimdallPauseTarget target, CancellationToken cancellationToken = default) =>
        PostAsync($"{target.Path}/resume", body: null, cancellationToken);

    public void Dispose() => _connection.Dispose();

    internal static string PathOf(string kind, string id) => $"{kind}/{Uri.EscapeDataString(id)}";

    /// <summary>An address without what <see cref="Uri"/> resolves: that would be another address.</summary>
    private static string PathOfScript(string path)
    {
        var parts = path.Split('/');
        return parts.Any(part => part is "" or "." or "..")
            ? throw new ArgumentException(
                $"'{path}' is not the path of a script: write it like reports/headcount.sql.", nameof(path))
            : $"sql/{string.Join('/', parts.Select(Uri.EscapeDataString))}";
    }

    /// <summary>The caller's key, or a new one. The server takes no other; a line break would begin a header.</summary>
    private static string KeyOf(string? idempotencyKey) => idempotencyKey switch
    {
        null => Guid.CreateVersion7().ToString(),
        { Length: >= 1 and <= 255 } when !idempotencyKey.AsSpan().ContainsAnyExceptInRange(' ', '~') => idempotencyKey,
        _ => throw new ArgumentException(
            "The idempotency key must be 1 to 255 printable ASCII characters, such as a UUID.", nameof(idempotencyKey)),
    };

    private static byte[] ToBytes(JsonNode node) => JsonSerializer.SerializeToUtf8Bytes(node);

    private async Task<HeimdallJob> SubmitAsync(
        HeimdallSubmission job, string? idempotencyKey, string prefer, CancellationToken cancellationToken)
    {
        var request = new ApiRequest(HttpMethod.Post, "job", ToBytes(job.ToJson()))
        {
            Prefer = prefer,
            IdempotencyKey = KeyOf(idempotencyKey),
        };
        return new(await _connection.ReadAsync(request, cancellationToken));
    }

    private async Task<QueryRows> OpenRowsAsync(ApiRequest request, CancellationToken cancellationToken)
    {
        var response = await _connection.SendAsync(request, cancellationToken);
        return await QueryRows.OpenAsync(_connection.Address, response, following: null, cancellationToken);
    }

    private async Task<IReadOnlyList<T>> GetAllAsync<T>(
        string path, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        var all = await GetAsync(path, cancellationToken);
        return _connection.Interpret<T[]>(() => [.. all.EnumerateArray().Select(read)]);
    }

    private async IAsyncEnumerable<T> ReadPagesAsync<T>(
        Func<string?, string> path, Func<JsonElement, T> read, string cursorName,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var page = await GetAsync(path(cursor), cancellationToken);
            var entries = _connection.Interpret<T[]>(
                () => [.. page.GetProperty("data").EnumerateArray().Select(read)]);
            foreach (var entry in entries)
            {
                yield return entry;
            }
            cursor = _connection.Interpret(() =>
                page.GetProperty("has_more").GetBoolean() ? page.GetProperty(cursorName).GetString() : null);
        }
        while (cursor is not null);
    }

    private Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken) =>
        _connection.ReadAsync(new ApiRequest(HttpMethod.Get, path), cancellationToken);

    /// <summary>A change that does no more when it is made twice.</summary>
    private Task<JsonElement> PostAsync(string path, JsonNode? body, CancellationToken cancellationToken) =>
        _connection.ReadAsync(
            new ApiRequest(HttpMethod.Post, path, body is null ? null : ToBytes(body)) { IsRepeatable = true },
            cancellationToken);
}

/// <summary>What can be paused.</summary>
public sealed record HeimdallPauseTarget
{
    private HeimdallPauseTarget(string path) => Path = path;

    public static HeimdallPauseTarget Queue { get; } = new("queue");

    internal string Path { get; }

    public static HeimdallPauseTarget Cluster(string id) => new(HeimdallClient.PathOf("cluster", id));

    public static HeimdallPauseTarget Command(string id) => new(HeimdallClient.PathOf("command", id));

    public static HeimdallPauseTarget Schedule(string id) => new(HeimdallClient.PathOf("schedule", id));
}
