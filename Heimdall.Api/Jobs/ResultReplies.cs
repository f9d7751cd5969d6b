using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Heimdall.Api.Conditions;
using Heimdall.Api.Formats;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Streams stored results into replies. A result that cannot be read is a problem as long as no bytes are sent; later the reply itself
/// ends in a way that says so.
/// </summary>
internal sealed partial class ResultReplies(
    ResultStore results, RenderSlots slots, ServerConfig config, ILogger<ResultReplies> logger)
{
    /// <summary>Another version may write the same rows as other bytes.</summary>
    private static readonly string _writer = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        typeof(ResultReplies).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion)).AsSpan(0, 6));

    private static readonly JobFailure Unreadable = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "The rest of the stored result cannot be read; the log of the server says why. The job itself has succeeded.",
    };

    public async Task<IResult> SendAsync(HttpContext context, Job job, StoredResult result, ResultPage page, ResultFormat format)
    {
        var ending = EndingOf(job, result, page);
        var tag = TagOf(context.Request, result, format);
        SetHeaders(context.Response, job.Id, result, page, ending, tag);
        if (!ReadCondition.IsMet(context.Request.GetTypedHeaders(), tag))
        {
            return ReadCondition.NotMet();
        }
        if (ReadCondition.IsKnown(context.Request.GetTypedHeaders(), tag))
        {
            return Results.StatusCode(StatusCodes.Status304NotModified);
        }
        context.Response.ContentType = format.ContentType;
        if (context.IsHead())
        {
            return Results.Empty;
        }
        var opening = new ResultOpening { IsNested = false, IsTruncated = ending.Truncated };
        var output = new ReplyOutput(context, config.StalledClientTimeout);
        return ByteRange.Find(context.Request, tag) is { } range
            ? await slots.TakeAsync(
                context, () => SendRangeAsync(context, job, result, page, format, opening, ending, output, range))
            : await StreamAsync(context, result, page, format, opening, ending, output);
    }

    /// <summary>The whole result in the form in which an inline query is answered.</summary>
    public Task<IResult> SendWithJobAsync(HttpContext context, Job job, StoredResult result, ResultFormat format)
    {
        var opening = new ResultOpening
        {
            Members = () => JobView.MembersBeforeRows(job),
            OnFirstSend = () => InlineQueries.SetHeaders(context.Response, format, job.Id),
            IsTruncated = result.Truncated,
        };
        var ending = new ResultEnding
        {
            Status = job.Status,
            Truncated = result.Truncated,
            RowsAffected = job.Progress.RowsAffected,
            FinishedAt = job.FinishedAt,
            UpdatedAt = job.UpdatedAt,
            ExpiresAt = result.ExpiresAt,
        };
        // Also where the rows cannot be sent: the job has run, and its caller must find it.
        context.Response.Headers["Heimdall-Job-Id"] = job.Id.ToString();
        var output = new ReplyOutput(context, config.StalledClientTimeout);
        return StreamAsync(context, result, ResultPage.All, format, opening, ending, output);
    }

    /// <summary>The chunks of a result: each is written once, to know its bytes.</summary>
    public async Task<IResult> ListChunksAsync(
        HttpContext context, Job job, StoredResult result, long rows, ResultFormat format)
    {
        if (result.RowCount / rows >= ResultChunkList.MostChunks)
        {
            return Problem.Invalid(
                [new("rows", $"Must be more than {Text(result.RowCount / ResultChunkList.MostChunks)} for this result.")]);
        }
        var tag = new EntityTagHeaderValue(
            $"\"{Text(result.Attempt)}-{format.Word}-{Text(rows)}-{_writer}\"", isWeak: true);
        context.Response.Headers.ETag = tag.ToString();
        context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.Accept);
        if (!ReadCondition.IsMet(context.Request.GetTypedHeaders(), tag))
        {
            return ReadCondition.NotMet();
        }
        if (ReadCondition.IsKnown(context.Request.GetTypedHeaders(), tag))
        {
            return Results.StatusCode(StatusCodes.Status304NotModified);
        }
        if (context.IsHead())
        {
            context.Response.ContentType = "application/json; charset=utf-8"; // of a list that is not made
            return Results.Empty;
        }
        return await slots.TakeAsync(context, () => MeasureChunksAsync(context, job, result, rows, format));
    }

    private async Task<IResult> MeasureChunksAsync(
        HttpContext context, Job job, StoredResult result, long rows, ResultFormat format)
    {
        var chunks = new List<ResultChunkView>();
        for (long offset = 0; offset < result.RowCount || chunks.Count == 0; offset += rows)
        {
            var page = new ResultPage(offset, rows);
            using var measured = new MeasuredOutput();
            try
            {
                await MeasureAsync(context, job, result, page, format, measured);
            }
            catch (JobFailedException unfit)
            {
                return Unfit(unfit);
            }
            var address = context.Request.PublicPathOf($"/api/v1/job/{job.Id}/result");
            chunks.Add(new()
            {
                Offset = offset,
                RowCount = page.RowsOf(result.RowCount),
                Bytes = measured.Length,
                Sha256 = measured.ReadHash(),
                Href = $"{address}?format={format.Word}&offset={Text(offset)}&limit={Text(rows)}",
            });
        }
        var list = new ResultChunkList
        {
            Id = job.Id,
            Format = format.Word,
            MediaType = format.ContentType,
            TotalRows = result.RowCount,
            Truncated = result.Truncated,
            ExpiresAt = result.ExpiresAt,
            Chunks = chunks,
        };
        return TypedResults.Json(list, ApiJson.Options);
    }

    private static ResultEnding EndingOf(Job job, StoredResult result, ResultPage page) => new()
    {
        Status = job.Status,
        IsPartial = job.Status != JobStatus.Succeeded,
        // A page is what was asked for, not something cut.
        Truncated = result.Truncated && page.EndOf(result.RowCount) == result.RowCount,
        RowsAffected = job.Progress.RowsAffected,
        TotalRows = result.RowCount,
        ExpiresAt = result.ExpiresAt,
    };

    /// <summary>Some bytes of a reply. What their places are is known once it was written; it is the same each time.</summary>
    private async Task<IResult> SendRangeAsync(
        HttpContext context, Job job, StoredResult result, ResultPage page, ResultFormat format, ResultOpening opening,
        ResultEnding ending, ReplyOutput output, ByteRange range)
    {
        long length;
        try
        {
            length = await slots.LengthAsync(
                (job.Id, result.Attempt, result.RowCount, page, format.Name, ending),
                () => MeasureAsync(result, page, format, opening, ending, context.RequestAborted));
        }
        catch (JobFailedException unfit)
        {
            return Unfit(unfit);
        }
        if (range.Within(length) is not { } bytes)
        {
            context.Response.Headers.ContentRange = $"bytes */{Text(length)}";
            return Problem.Of(
                StatusCodes.Status416RangeNotSatisfiable, "range-not-satisfiable", "There are no such bytes.",
                $"The reply has {Text(length)} bytes, and the header Range asks for none of them.");
        }
        context.Response.StatusCode = StatusCodes.Status206PartialContent;
        context.Response.Headers.ContentRange = $"bytes {Text(bytes.From)}-{Text(bytes.To)}/{Text(length)}";
        context.Response.ContentLength = bytes.To - bytes.From + 1;
        var part = new RangeOutput(output, bytes.From, bytes.To);
        try
        {
            return await StreamAsync(context, result, page, format, opening, ending, part);
        }
        catch (OperationCanceledException) when (part.IsDone)
        {
            return Results.Empty;
        }
    }

    private async Task<IResult> StreamAsync(
        HttpContext context, StoredResult result, ResultPage page, ResultFormat format, ResultOpening opening,
        ResultEnding ending, IResultOutput output)
    {
        using var writer = format.CreateWriter(output, opening);
        try
        {
            await writer.StartAsync(result.Columns, context.RequestAborted);
            await results.ReplayAsync(result, page, writer, context.RequestAborted);
        }
        catch (ResultStorageException exception) when (writer.HasSent)
        {
            LogBroken(context.Request.Path, exception.Message);
            ending = ending with
            {
                Status = JobStatus.Failed,
                IsPartial = false,
                Truncated = false,
                ExpiresAt = null,
                Failure = Unreadable,
            };
        }
        catch (JobFailedException unfit) when (writer.HasSent)
        {
            LogBroken(context.Request.Path, unfit.Message);
            ending = ending with
            {
                Status = JobStatus.Failed,
                IsPartial = false,
                Truncated = false,
                ExpiresAt = null,
                Failure = unfit.Failure,
            };
        }
        catch (JobFailedException unfit)
        {
            return Unfit(unfit);
        }
        await writer.EndAsync(ending, context.RequestAborted);
        return Results.Empty;
    }

    private async Task<long> MeasureAsync(
        StoredResult result, ResultPage page, ResultFormat format, ResultOpening opening, ResultEnding ending,
        CancellationToken cancellationToken)
    {
        using var measured = new MeasuredOutput(isHashed: false);
        await WriteAsync(result, page, format, opening, ending, measured, cancellationToken);
        return measured.Length;
    }

    private Task MeasureAsync(
        HttpContext context, Job job, StoredResult result, ResultPage page, ResultFormat format, MeasuredOutput measured)
    {
        var ending = EndingOf(job, result, page);
        var opening = new ResultOpening { IsNested = false, IsTruncated = ending.Truncated };
        return WriteAsync(result, page, format, opening, ending, measured, context.RequestAborted);
    }

    /// <exception cref="JobFailedException">The format has no place for a value.</exception>
    private async Task WriteAsync(
        StoredResult result, ResultPage page, ResultFormat format, ResultOpening opening, ResultEnding ending,
        IResultOutput output, CancellationToken cancellationToken)
    {
        using var writer = format.CreateWriter(output, opening);
        await writer.StartAsync(result.Columns, cancellationToken);
        await results.ReplayAsync(result, page, writer, cancellationToken);
        await writer.EndAsync(ending, cancellationToken);
    }

    private static ProblemHttpResult Unfit(JobFailedException unfit) => Problem.Of(
        StatusCodes.Status406NotAcceptable, "not-acceptable", "Not in this format.", unfit.Message);

    private static void SetHeaders(HttpResponse response, Guid id, StoredResult result, ResultPage page, ResultEnding ending, EntityTagHeaderValue tag)
    {
        var headers = response.Headers;
        headers["Heimdall-Job-Id"] = id.ToString();
        headers["Heimdall-Row-Count"] = Text(page.RowsOf(result.RowCount));
        headers["Heimdall-Total-Rows"] = Text(result.RowCount);
        headers["Heimdall-Truncated"] = ending.Truncated ? "true" : "false";
        headers["Heimdall-Expires-At"] = ApiJson.ToText(result.ExpiresAt);
        headers.ETag = tag.ToString();
        headers.AcceptRanges = "bytes";
        headers.Append(HeaderNames.Vary, HeaderNames.Accept);
        if (page.Limit is { } limit && page.EndOf(result.RowCount) is var end && end < result.RowCount)
        {
            var request = response.HttpContext.Request;
            var address = request.PublicPathOf(request.Path.ToUriComponent());
            var partial = ending.IsPartial ? $"&{ResultPageReader.Partial}=true" : "";
            var format = request.Query["format"] is [{ Length: > 0 } word] ? $"&format={word}" : "";
            headers.Link = $"<{address}?offset={Text(end)}&limit={Text(limit)}{partial}{format}>; rel=\"next\"";
        }
    }

    /// <summary>
    /// A result never changes: what it was stored by names it, and the address names the page. Weak where the reply may
    /// be compressed: then it stands for the same rows, and not for the same bytes. Of another version it is another.
    /// </summary>
    private static EntityTagHeaderValue TagOf(HttpRequest request, StoredResult result, ResultFormat format) =>
        new(
            $"\"{Text(result.Attempt)}-{format.Name[(format.Name.IndexOf('/', StringComparison.Ordinal) + 1)..]}-"
            + $"{_writer}\"",
            isWeak: request.Headers.AcceptEncoding.Count > 0);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    [LoggerMessage(LogLevel.Error, "The reply to GET {Path} broke off: {Reason}")]
    private partial void LogBroken(string path, string reason);
}
