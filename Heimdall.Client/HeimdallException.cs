using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Heimdall.Client;

/// <summary>
/// Heimdall refused a request, a query failed, or no answer came. The members are those of the problem (RFC 9457).
/// </summary>
public sealed class HeimdallException : Exception
{
    private const string TypePrefix = "urn:heimdall:problem:";
    private const int LongestProblem = 4 * 1024 * 1024;

    internal HeimdallException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    private HeimdallException(HttpStatusCode status, JsonElement problem)
        : base(Text(problem, "detail") ?? Text(problem, "title") ?? $"Heimdall answered {(int)status} {status}.")
    {
        Status = (int)status;
        Problem = problem;
        var type = Text(problem, "type") ?? "";
        Type = type.StartsWith(TypePrefix, StringComparison.Ordinal) ? type[TypePrefix.Length..] : type;
        Title = Text(problem, "title");
        Sqlstate = Text(problem, "sqlstate");
        Hint = Text(problem, "hint");
        ErrorDetail = Text(problem, "error_detail");
        Position = Number(problem, "position");
        Line = Number(problem, "line");
        Column = Number(problem, "column");
        JobId = Guid.TryParse(Text(problem, "id"), out var id) ? id : null;
        var isGiven = problem.TryGetProperty("retryable", out var given)
            && given.ValueKind is JsonValueKind.True or JsonValueKind.False;
        Retryable = isGiven ? given.GetBoolean() : (int)status is 429 or 503 || Type == "idempotency-key-outstanding";
        MayHaveTakenEffect = Type is "outcome-unknown" or "job-failed" or "internal";
    }

    /// <summary>The HTTP status; null when there was no answer, or when it broke off.</summary>
    public int? Status { get; init; }

    /// <summary>The last word of the problem's type, such as <c>no-match</c>; null for what is no problem.</summary>
    public string? Type { get; init; }

    public string? Title { get; }

    /// <summary>The whole problem.</summary>
    public JsonElement? Problem { get; }

    public string? Sqlstate { get; init; }

    public string? Hint { get; }

    public string? ErrorDetail { get; }

    /// <summary>Where in the query, in characters from 1.</summary>
    public long? Position { get; }

    public long? Line { get; }

    public long? Column { get; }

    public Guid? JobId { get; init; }

    /// <summary>
    /// Whether the obstacle passes by itself. See <see cref="MayHaveTakenEffect"/> before a repeat.
    /// </summary>
    public bool Retryable { get; init; }

    /// <summary>Whether Heimdall could not be reached at all.</summary>
    public bool IsUnreachable { get; init; }

    /// <summary>Whether what was asked for may have happened.</summary>
    public bool MayHaveTakenEffect { get; init; }

    internal TimeSpan? RetryAfter { get; private init; }

    /// <param name="address">Whose.</param>
    /// <param name="cause">What the connection says.</param>
    /// <param name="neverSent">Whether Heimdall knows nothing of the request.</param>
    /// <param name="jobId">The job of a reply that has begun.</param>
    internal static HeimdallException NoAnswer(Uri address, Exception cause, bool neverSent, Guid? jobId = null)
    {
        var untrusted = cause is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };
        var reason = cause is TimeoutException ? cause.Message : cause.GetBaseException().Message;
        var what = neverSent
            ? $"Heimdall at {address} cannot be reached"
            : $"The connection to Heimdall at {address} was lost";
        return new($"{what}: {reason}", cause)
        {
            IsUnreachable = true,
            Retryable = !untrusted,
            MayHaveTakenEffect = !neverSent,
            JobId = jobId,
        };
    }

    /// <summary>An answer that Heimdall does not give: the address is another program's, or a proxy answered.</summary>
    internal static HeimdallException Foreign(Uri address, HttpStatusCode status, Exception? cause = null) => new(
        $"What answered {(int)status} {status} at {address} is not Heimdall: "
        + "check the address and the proxies before it.",
        cause)
    {
        Status = (int)status,
        Retryable = (int)status is 502 or 503 or 504,
        IsUnreachable = (int)status is 502 or 503 or 504,
        MayHaveTakenEffect = (int)status is < 400 or >= 500,
    };

    /// <summary>Reads an answer that is no success.</summary>
    internal static async Task<HeimdallException> ReadAsync(
        Uri address, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            await response.Content.LoadIntoBufferAsync(LongestProblem, cancellationToken);
            if (response.Content.Headers.ContentType?.MediaType == "application/problem+json")
            {
                using var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
                if (document.RootElement.ValueKind == JsonValueKind.Object)
                {
                    var retryAfter = response.Headers.RetryAfter?.Delta;
                    return new(response.StatusCode, document.RootElement.Clone()) { RetryAfter = retryAfter };
                }
            }
            return Foreign(address, response.StatusCode);
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException)
        {
            return Foreign(address, response.StatusCode, e);
        }
    }

    private static string? Text(JsonElement problem, string name) =>
        problem.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static long? Number(JsonElement problem, string name) =>
        problem.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
        && long.TryParse(value.GetRawText(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
