using Heimdall.Api.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Problems;

/// <summary>
/// Refuses JSON that says it is written in another charset than UTF-8: it would be read as UTF-8 all the same.
/// </summary>
internal static class JsonInUtf8
{
    public static void UseJsonInUtf8(this WebApplication app) => app.Use((context, next) =>
        context.Request.HasJsonContentType() && FindCharset(context.Request) is { } charset
            ? Refuse(charset).ExecuteAsync(context)
            : next(context));

    private static ProblemHttpResult Refuse(string charset) => Problem.Of(
        StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type", "The request is not JSON in UTF-8.",
        $"JSON is UTF-8: leave '{Excerpt.Cut(charset)}' out of 'Content-Type: application/json', "
        + "or send charset=utf-8.");

    private static string? FindCharset(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.Charset.HasValue)
        {
            return null;
        }
        var charset = HeaderUtilities.RemoveQuotes(type.Charset).ToString();
        return charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            || charset.Equals("us-ascii", StringComparison.OrdinalIgnoreCase) ? null : $"charset={charset}";
    }
}
