using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Conditions;

/// <summary>
/// The conditions of a GET whose reply has an ETag (RFC 9110, 13.2.2): <c>If-Match</c>, compared strongly, is answered
/// 412 where it does not hold, and then <c>If-None-Match</c>, compared weakly, 304 where it names the ETag.
/// </summary>
internal static class ReadCondition
{
    /// <summary>Whether <c>If-Match</c> holds, or was not sent.</summary>
    public static bool IsMet(RequestHeaders headers, EntityTagHeaderValue tag) =>
        headers.Headers.IfMatch.Count == 0 || headers.IfMatch.Any(wanted =>
            wanted.Equals(EntityTagHeaderValue.Any) || wanted.Compare(tag, useStrongComparison: true));

    /// <summary>Whether the caller has what the ETag stands for.</summary>
    public static bool IsKnown(RequestHeaders headers, EntityTagHeaderValue tag) =>
        headers.IfNoneMatch.Any(known =>
            known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, useStrongComparison: false));

    public static ProblemHttpResult NotMet() => Problem.Of(
        StatusCodes.Status412PreconditionFailed, "precondition-failed", "It is not as you took it to be.",
        "Its ETag is none of those in If-Match. A weak one, with W/, is never taken for the same bytes.");

    /// <summary>For a GET that is small: its reply is made, and left out where a condition says so.</summary>
    public static RouteHandlerBuilder TakesReadConditions(this RouteHandlerBuilder endpoint) => endpoint
        .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
        .Replies(
            StatusCodes.Status304NotModified, "If-None-Match holds: the caller has it already.", HeaderList.ETag)
        .Refuses("precondition-failed")
        .AddEndpointFilter(JudgeAsync);

    private static async ValueTask<object?> JudgeAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var reply = await next(context);
        var http = context.HttpContext;
        if (http.Response.GetTypedHeaders().ETag is not { } tag)
        {
            return reply; // there is nothing, and the reply says so
        }
        var headers = http.Request.GetTypedHeaders();
        if (!IsMet(headers, tag))
        {
            return NotMet();
        }
        return IsKnown(headers, tag) ? Results.StatusCode(StatusCodes.Status304NotModified) : reply;
    }
}
