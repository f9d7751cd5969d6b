using System.Text;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Live;

/// <summary>
/// <c>GET /api/v1/job/{id}/stdout</c> and <c>/stderr</c>: a job's log as text, and with <c>?follow=true</c> what is added to it, until the job has ended.
/// </summary>
internal static class ReadLog
{
    public const string MediaType = "text/plain";

    private const string Follow = "follow";

    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
        [ParameterDescription.Flag(Follow, "Whether to wait for what is added, up to the end of the job.")];

    public static Task<IResult> StdoutAsync(
        Guid id, HttpContext context, JobStore jobs, JobLogStore logs, JobWatcher watcher, CancellationToken cancellationToken) =>
        ReadAsync(id, JobLogStream.Stdout, context, jobs, logs, watcher, cancellationToken);

    public static Task<IResult> StderrAsync(
        Guid id, HttpContext context, JobStore jobs, JobLogStore logs, JobWatcher watcher, CancellationToken cancellationToken) =>
        ReadAsync(id, JobLogStream.Stderr, context, jobs, logs, watcher, cancellationToken);

    private static async Task<IResult> ReadAsync(
        Guid id, JobLogStream stream, HttpContext context, JobStore jobs, JobLogStore logs, JobWatcher watcher, CancellationToken cancellationToken)
    {
        if (context.Request.Query.Keys.FirstOrDefault(name => name != Follow) is { } unknown)
        {
            return Problem.Invalid([new(unknown, $"Is no parameter of a log; there is {Follow}.")]);
        }
        var follow = context.Request.Query[Follow].ToString();
        if (follow is not ("" or "true" or "false"))
        {
            return Problem.Invalid([new(Follow, "Must be true or false.")]);
        }
        if (await jobs.FindPlaceAsync(id, cancellationToken) is not { } job || !context.Sees(job))
        {
            return Problem.UnknownJob(id);
        }
        context.Response.ContentType = $"{MediaType}; charset=utf-8";
        if (context.IsHead())
        {
            return Results.Empty;
        }
        if (follow == "true")
        {
            return await FollowAsync(id, stream, context, logs, watcher, cancellationToken);
        }
        await foreach (var lines in logs.ReadAsync(id, stream, cancellationToken))
        {
            await WriteAsync(context, lines, cancellationToken);
        }
        return Results.Empty;
    }

    private static async Task<IResult> FollowAsync(
        Guid id, JobLogStream stream, HttpContext context, JobLogStore logs, JobWatcher watcher, CancellationToken cancellationToken)
    {
        if (watcher.TakePlace(context, id) is { } refusal)
        {
            return refusal;
        }
        var log = new LogReader(logs, id, [stream], default);
        var isOver = false;
        await context.Response.BodyWriter.FlushAsync(cancellationToken); // there may be nothing to read for a while
        await foreach (var news in watcher.WatchAsync(id, untilKeysChange: true, cancellationToken))
        {
            await foreach (var (_, line) in log.ReadAsync(news.LastPiece, cancellationToken))
            {
                await WriteAsync(context, line + "\n", cancellationToken);
            }
            isOver = news.State.Status.IsFinal();
        }
        if (!isOver)
        {
            context.Abort(); // asked to stop, or other keys count now: what was sent must not look like all of it
        }
        return Results.Empty;
    }

    private static async Task WriteAsync(HttpContext context, string text, CancellationToken cancellationToken) =>
        await context.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);
}
