using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Jobs;

/// <summary>The bytes that a request asks for (RFC 9110, 14).</summary>
internal readonly record struct ByteRange(long? From, long? To)
{
    /// <returns>Null where the whole is to be sent: there is no range, it is none of bytes, or there are several.</returns>
    public static ByteRange? Find(HttpRequest request, EntityTagHeaderValue tag)
    {
        var headers = request.GetTypedHeaders();
        return headers.Range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges } && IsOfThis(headers, tag)
            ? new ByteRange(ranges.Single().From, ranges.Single().To)
            : null;
    }

    /// <param name="length">Of the whole.</param>
    /// <returns>The first and the last byte; null where there are no such bytes.</returns>
    public (long From, long To)? Within(long length) => this switch
    {
        { From: null, To: { } last } => last > 0 && length > 0 ? (Math.Max(0, length - last), length - 1) : null,
        { From: { } from } => from < length ? (from, Math.Min(To ?? long.MaxValue, length - 1)) : null,
        _ => null,
    };

    /// <summary>If-Range holds for the same bytes only (13.1.5): a weak tag or a date never says so here.</summary>
    private static bool IsOfThis(RequestHeaders headers, EntityTagHeaderValue tag) =>
        headers.Headers.IfRange.Count == 0
        || (headers.IfRange?.EntityTag is { } wanted && wanted.Compare(tag, useStrongComparison: true));
}
