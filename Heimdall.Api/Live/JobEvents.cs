using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Live;

/// <summary>
/// <c>GET /api/v1/job/{id}/events</c>: what happens to a job, as it happens, as server-sent events
/// (https://html.spec.whatwg.org/multipage/server-sent-events.html): <c>status</c>, <c>progress</c>, <c>log</c>, <c>notice</c>, and <c>end</c>.
/// </summary>
/// <remarks>
/// The id of an event is how much of the log has been sent: a client that comes back with it as <c>Last-Event-ID</c> gets the rest. Status and
/// progress are told anew to each client; only the last of either counts.
/// </remarks>
internal static class JobEvents
{
    private const string LastEventId = "Last-Event-ID";

    /// <summary>The id of the last event: a browser that comes back after it is told to stay away.</summary>
    private const string End = "end";

    private static readonly TimeSpan Reconnect = TimeSpan.FromSeconds(1);

    public static async Task<IResult> HandleAsync(
        Guid id, HttpContext context, JobStore jobs, FanOuts fanOuts, JobWatcher watcher, JobLogStore logs,
        CancellationToken cancellationToken)
    {
        var last = context.Request.Headers[LastEventId].ToString();
        if (last == End)
        {
            return TypedResults.NoContent();
        }
        if (await jobs.FindPlaceAsync(id, cancellationToken) is not { } job || !context.Sees(job))
        {
            return Problem.UnknownJob(id);
        }
        var position = default(LogPosition);
        if (last.Length > 0 && !LogPosition.TryParse(last, out position))
        {
            return Problem.Invalid([new(LastEventId, "Must be the id of an event that was sent before, such as 12.3; leave it out to begin at the beginning.")]);
        }
        if (context.IsHead())
        {
            context.Response.ContentType = "text/event-stream";
            return Results.Empty;
        }
        var error = await context.Caller().Rights.SeesChildrenAsync(fanOuts, id, job, cancellationToken)
            ? null
            : ParentAccess.Hidden;
        if (watcher.TakePlace(context, id) is { } refusal)
        {
            return refusal;
        }
        return TypedResults.ServerSentEvents(ReadAsync(
            watcher, id, new LogReader(logs, id, JobLogStore.Both, position), error, cancellationToken));
    }

    /// <param name="watcher">Has the news.</param>
    /// <param name="id">Of the job.</param>
    /// <param name="log">Reads its log.</param>
    /// <param name="error">What is said in the place of its error; null: the error is.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    private static async IAsyncEnumerable<SseItem<string>> ReadAsync(
        JobWatcher watcher, Guid id, LogReader log, string? error,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        JobNews? before = null;
        await foreach (var news in watcher.WatchAsync(id, untilKeysChange: true, cancellationToken))
        {
            var isOver = news.State.Status.IsFinal();
            // The same news once more are sent to find out whether anybody still reads.
            if (!isOver && (news.State != before?.State || ReferenceEquals(news, before)))
            {
                yield return Status(news);
            }
            await foreach (var (stream, line) in log.ReadAsync(news.LastPiece, cancellationToken))
            {
                yield return Item(stream == JobLogStream.Stdout ? "log" : "notice", new LogLineView(line), log.Position.ToString());
            }
            if (news.Progress != (before?.Progress ?? new JobProgress()) || news.FanOut != before?.FanOut)
            {
                yield return Item("progress", ProgressView.Of(news), log.Position.ToString());
            }
            if (isOver)
            {
                yield return Status(news);
                yield return Item("end", new object(), End);
            }
            before = news;
        }

        SseItem<string> Status(JobNews news)
        {
            var view = JobStateView.Of(news);
            return Item(
                "status", view with { Error = view.Error is null ? null : error ?? view.Error },
                log.Position.ToString());
        }
    }

    private static SseItem<string> Item<T>(string type, T data, string id) =>
        new(JsonSerializer.Serialize(data, ApiJson.Options), type) { EventId = id, ReconnectionInterval = Reconnect };
}
