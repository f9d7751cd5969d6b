using Microsoft.OpenApi;

namespace Heimdall.Api.Descriptions;

/// <summary>The headers of requests and replies, as they are described.</summary>
internal static class HeaderList
{
    public const string Location = "Location";
    public const string RetryAfter = "Retry-After";
    public const string RateLimitPolicy = "RateLimit-Policy";
    public const string RateLimit = "RateLimit";
    public const string PreferenceApplied = "Preference-Applied";
    public const string IdempotencyReplayed = "Idempotency-Replayed";
    public const string JobId = "Heimdall-Job-Id";
    public const string RowCount = "Heimdall-Row-Count";
    public const string TotalRows = "Heimdall-Total-Rows";
    public const string Truncated = "Heimdall-Truncated";
    public const string ExpiresAt = "Heimdall-Expires-At";
    public const string ETag = "ETag";
    public const string Link = "Link";
    public const string AcceptRanges = "Accept-Ranges";
    public const string ContentRange = "Content-Range";
    public const string HooksLeftOut = "Heimdall-Hooks-Left-Out";
    public const string Authenticate = "WWW-Authenticate";

    private static readonly Dictionary<string, (string Meaning, JsonSchemaType Type, string? Format)> _replies = new()
    {
        [Location] = ("The address of what was made.", JsonSchemaType.String, "uri-reference"),
        [RetryAfter] = ("Seconds to wait before asking again.", JsonSchemaType.Integer, null),
        [RateLimitPolicy] = ("The limit that is reached: name, amount and unit.", JsonSchemaType.String, null),
        [RateLimit] = ("What is left of that limit, and for how long.", JsonSchemaType.String, null),
        [PreferenceApplied] = ("Which preference of Prefer was followed.", JsonSchemaType.String, null),
        [IdempotencyReplayed] = ("true: this is the first answer again.", JsonSchemaType.String, null),
        [JobId] = ("The job.", JsonSchemaType.String, "uuid"),
        [RowCount] = ("How many rows this reply has.", JsonSchemaType.Integer, "int64"),
        [TotalRows] = ("How many rows the result has.", JsonSchemaType.Integer, "int64"),
        [Truncated] = ("Whether a limit has cut the rows.", JsonSchemaType.Boolean, null),
        [ExpiresAt] = ("Until when the result is kept.", JsonSchemaType.String, "date-time"),
        [ETag] = ("What is there, for If-Match and If-None-Match.", JsonSchemaType.String, null),
        [Link] = ("The next page, as rel=\"next\".", JsonSchemaType.String, null),
        [AcceptRanges] = ("bytes: the header Range is followed.", JsonSchemaType.String, null),
        [ContentRange] = ("Which bytes of the whole these are.", JsonSchemaType.String, null),
        [HooksLeftOut] = ("Hooks of the old job that no file has any more.", JsonSchemaType.String, null),
        [Authenticate] = ("How to say who calls.", JsonSchemaType.String, null),
    };

    public static ParameterDescription Prefer { get; } = ParameterDescription.Header(
        "Prefer", "wait=N: wait up to N seconds for the end of the job, 60 at most.");

    public static ParameterDescription PreferAsync { get; } = ParameterDescription.Header(
        "Prefer",
        "respond-async: queue a query. wait=N: wait up to N seconds for the end of the job, 60 at most.");

    public static ParameterDescription IdempotencyKey { get; } = ParameterDescription.Header(
        "Idempotency-Key", "Sent again with the same body, there is no second job.");

    public static ParameterDescription IfMatch { get; } = ParameterDescription.Header(
        "If-Match", "Do it only if the ETag is one of these; * stands for any.");

    public static ParameterDescription IfNoneMatch { get; } = ParameterDescription.Header(
        "If-None-Match", "Do it only if the ETag is none of these; * stands for any.");

    public static ParameterDescription Range { get; } = ParameterDescription.Header(
        "Range", "bytes=0-99: these bytes of the reply alone. Several ranges get the whole.");

    public static ParameterDescription IfRange { get; } = ParameterDescription.Header(
        "If-Range", "An ETag without W/: follow Range only if it is still the one, and else send the whole.");

    public static ParameterDescription LastEventId { get; } = ParameterDescription.Header(
        "Last-Event-ID", "The id of the last event that was received.");

    public static OpenApiHeader CreateReply(string name)
    {
        var (meaning, type, format) = _replies[name];
        return new() { Description = meaning, Schema = new OpenApiSchema { Type = type, Format = format } };
    }
}
