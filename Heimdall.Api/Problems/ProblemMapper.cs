using System.Text.Json;
using System.Transactions;
using Heimdall.Api.Serialization;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;
using Heimdall.Core.Scripts;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Npgsql;

namespace Heimdall.Api.Problems;

/// <summary>Turns exceptions into problems. The only place that does, and the only one that logs a 5xx.</summary>
internal sealed partial class ProblemMapper(ILogger<ProblemMapper> logger) : IExceptionHandler
{
    /// <summary>How the paths of those POSTs end that change something by themselves.</summary>
    private static readonly string[] _changes = ["/cancel", "/pause", "/resume"];

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }
        await ToProblem(context, exception).ExecuteAsync(context);
        return true;
    }

    private IResult ToProblem(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case JobRefusedException refused:
                var faults = new FaultList();
                faults.AddAll(refused);
                return Problem.Invalid(faults);
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return Problem.Of(
                    StatusCodes.Status413PayloadTooLarge, "too-large", "The request is too large.",
                    "The request body is larger than this server takes (server.max_body_bytes).");
            case UndecodableBodyException packed:
                return Problem.Invalid([new("body", $"Is not {packed.Coding}, as Content-Encoding says.")]);
            case BadHttpRequestException bad:
                return Problem.Of(bad.StatusCode, "invalid-request", "The request is not valid.", "The request could not be read.");
            case JsonException json:
                return Problem.Invalid([new ContextProblem("body", DescribeBody(context.Request, json))]);
            case JobFailedException { Failure.Kind: JobFailureKind.Unavailable } failed:
                LogUnavailable(failed.Message);
                return Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The cluster cannot be reached.", failed.Message);
            case RecordInDoubtException doubt:
                LogUnavailable(doubt.Message);
                return StoreAway(context, "The query was not run; try again in some seconds. Should a record of it have been written, it will end FAILED and say so.");
            case ScriptStorageException storage:
                LogStorage(storage.Message);
                return storage.IsFull
                    ? Problem.Of(
                        StatusCodes.Status507InsufficientStorage, "storage-full", "There is no room for the script.",
                        "The disk of the directory of scripts is full. Nothing was changed.")
                    : Problem.Of(
                        StatusCodes.Status503ServiceUnavailable, "storage-unavailable", "The directory of scripts does not work.",
                        "This server cannot read or write there as it was asked; its log says why. Nothing was changed.");
            case ResultStorageException { IsLost: true } lost:
                LogResult(lost.Message);
                return Problem.Of(
                    StatusCodes.Status500InternalServerError, "result-lost", "The result cannot be read.",
                    "The rows that were stored for this job are missing or damaged; the server's log says more. Run the job again to have them.");
            case ResultStorageException { InnerException: IOException or UnauthorizedAccessException } unreadable:
                LogResult(unreadable.Message);
                return Problem.Of(
                    StatusCodes.Status503ServiceUnavailable, "storage-unavailable", "The directory of results does not work.",
                    "This server cannot read there; its log says why. Try again later.");
        }
        if (Causes(exception).Any(cause => cause is TransactionInDoubtException))
        {
            LogUnavailable(exception.Message);
            return Problem.Of(
                StatusCodes.Status503ServiceUnavailable, "outcome-unknown", "Heimdall's own database went away in the middle.",
                "What you asked for may have been recorded. Look at GET /api/v1/jobs before you try again.");
        }
        if (IsStoreAway(exception))
        {
            LogUnavailable(exception.Message);
            context.RequestServices.GetService<StoreDatabase>()?.DropIdleAfter(exception);
            return MayBeRecorded(context.Request)
                ? StoreAway(context, "Whether it was recorded is not known. Try again in some seconds; it does no harm to ask for it twice.")
                : StoreAway(context);
        }
        LogUnexpected(exception, context.Request.Method, context.Request.Path);
        return Problem.Of(
            StatusCodes.Status500InternalServerError, "internal", "Heimdall failed.", "Something unexpected happened; the server's log has it.");
    }

    /// <summary>Where the body stops to be JSON, and why. The reader's reason shows at most one character of it.</summary>
    private static string DescribeBody(HttpRequest request, JsonException json) => json switch
    {
        _ when request.ContentLength == 0 || request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } =>
            "The request has no body: JSON is expected.",
        // A field that is there twice is found late, when its line is no longer known.
        { LineNumber: not { } } => "Not valid JSON: a field is there twice.",
        { LineNumber: { } line, BytePositionInLine: var column } =>
            $"Not valid JSON, at line {line + 1}, column {column + 1}: {json.Message.Split(" LineNumber: ")[0].Split(" Path: ")[0]}",
    };

    /// <summary>
    /// What is submitted is written in one transaction, and of that it is known when nobody knows how it ended. Any other change commits by
    /// itself, and its answer, or that of a question after it, may be what was lost.
    /// </summary>
    private static bool MayBeRecorded(HttpRequest request) =>
        HttpMethods.IsPut(request.Method) || HttpMethods.IsDelete(request.Method)
        || (HttpMethods.IsPost(request.Method) && _changes.Any(change => request.Path.Value?.EndsWith(change, StringComparison.OrdinalIgnoreCase) is true));

    /// <summary>Nothing has been half-written: whatever was being recorded was one transaction.</summary>
    public static IResult StoreAway(HttpContext context, string detail = "Nothing was recorded. Try again in some seconds.")
    {
        context.Response.Headers.RetryAfter = "2";
        return Problem.Of(
            StatusCodes.Status503ServiceUnavailable, "store-unavailable", "Heimdall's own database cannot be reached.", detail);
    }

    private static bool IsStoreAway(Exception exception) =>
        Causes(exception).Any(cause => cause is TimeoutException || (cause is NpgsqlException npgsql && StoreRetry.IsAway(npgsql)));

    /// <summary>Hangfire and transactions wrap what went wrong.</summary>
    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A request could not be served: {Reason}")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(LogLevel.Error, "The directory of scripts (sql_directory) does not work: {Reason}")]
    private partial void LogStorage(string reason);

    [LoggerMessage(LogLevel.Error, "A stored result cannot be read: {Reason}")]
    private partial void LogResult(string reason);

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogUnexpected(Exception exception, string method, string path);
}
