using System.Globalization;
using Heimdall.Api.Formats;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Streams stored results into replies. A result that cannot be read is a problem as long as no bytes are sent; later the reply itself
/// ends in a way that says so.
/// </summary>
internal sealed partial class ResultReplies(ResultStore results, ServerConfig config, ILogger<ResultReplies> logger)
{
    private static readonly JobFailure Unreadable = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "The rest of the stored result cannot be read; the log of the server says why. The job itself has succeeded.",
    };

    public async Task<IResult> SendAsync(HttpContext context, Job job, StoredResult result, ResultPage page, ResultFormat format)
    {
        var isToTheEnd = page.EndOf(result.RowCount) == result.RowCount;
        var ending = new ResultEnding
        {
            Status = job.Status,
            IsPartial = job.Status != JobStatus.Succeeded,
            Truncated = result.Truncated && isToTheEnd, // a page is what was asked for, not something cut
            RowsAffected = job.Progress.RowsAffected,
            TotalRows = result.RowCount,
            ExpiresAt = result.ExpiresAt,
        };
        var tag = TagOf(result, format);
        SetHeaders(context.Response, job.Id, result, page, ending, tag);
        if (IsKnown(context.Request, tag))
        {
            return Results.StatusCode(StatusCodes.Status304NotModified);
        }
        context.Response.ContentType = format.ContentType;
        if (!context.IsHead())
        {
            await StreamAsync(context, result, page, format, new ResultOpening { IsNested = false }, ending);
        }
        return Results.Empty;
    }

    /// <summary>The whole result in the form in which an inline query is answered.</summary>
    public async Task<IResult> SendWithJobAsync(HttpContext context, Job job, StoredResult result, ResultFormat format)
    {
        var opening = new ResultOpening
        {
            Members = () => JobView.MembersBeforeRows(job),
            OnFirstSend = () => InlineQueries.SetHeaders(context.Response, format, job.Id),
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
        await StreamAsync(context, result, ResultPage.All, format, opening, ending);
        return Results.Empty;
    }

    private async Task StreamAsync(
        HttpContext context, StoredResult result, ResultPage page, ResultFormat format, ResultOpening opening, ResultEnding ending)
    {
        using var writer = format.CreateWriter(new ReplyOutput(context, config.StalledClientTimeout), opening);
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
        await writer.EndAsync(ending, context.RequestAborted);
    }

    private static void SetHeaders(HttpResponse response, Guid id, StoredResult result, ResultPage page, ResultEnding ending, EntityTagHeaderValue tag)
    {
        var headers = response.Headers;
        headers["Heimdall-Job-Id"] = id.ToString();
        headers["Heimdall-Row-Count"] = Text(page.RowsOf(result.RowCount));
        headers["Heimdall-Total-Rows"] = Text(result.RowCount);
        headers["Heimdall-Truncated"] = ending.Truncated ? "true" : "false";
        headers["Heimdall-Expires-At"] = ApiJson.ToText(result.ExpiresAt);
        headers.ETag = tag.ToString();
        headers.Append(HeaderNames.Vary, HeaderNames.Accept);
        if (page.Limit is { } limit && page.EndOf(result.RowCount) is var end && end < result.RowCount)
        {
            var request = response.HttpContext.Request;
            var address = request.PublicPathOf(request.Path.ToUriComponent());
            var partial = ending.IsPartial ? $"&{ResultPageReader.Partial}=true" : "";
            headers.Link = $"<{address}?offset={Text(end)}&limit={Text(limit)}{partial}>; rel=\"next\"";
        }
    }

    /// <summary>
    /// A result never changes: what it was stored by names it, and the address names the page. Weak, because the same rows may be compressed or not.
    /// </summary>
    private static EntityTagHeaderValue TagOf(StoredResult result, ResultFormat format) =>
        new($"\"{Text(result.Attempt)}-{format.Name[(format.Name.IndexOf('/', StringComparison.Ordinal) + 1)..]}\"", isWeak: true);

    private static bool IsKnown(HttpRequest request, EntityTagHeaderValue tag) =>
        request.GetTypedHeaders().IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, useStrongComparison: false));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    [LoggerMessage(LogLevel.Error, "The reply to GET {Path} broke off: {Reason}")]
    private partial void LogBroken(string path, string reason);
}
