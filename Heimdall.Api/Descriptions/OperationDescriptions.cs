namespace Heimdall.Api.Descriptions;

/// <summary>What an endpoint says of itself for the OpenAPI document, beside its types.</summary>
internal static class OperationDescriptions
{
    public const string Json = "application/json";

    /// <param name="route">The endpoint.</param>
    /// <param name="id">The name that generated clients give it. It never changes.</param>
    /// <param name="summary">In one line.</param>
    public static RouteHandlerBuilder Named(this RouteHandlerBuilder route, string id, string summary) =>
        route.WithName(id).WithSummary(summary);

    /// <summary>Headers and parameters of the query string.</summary>
    public static RouteHandlerBuilder Takes(
        this RouteHandlerBuilder route, params IEnumerable<ParameterDescription> parameters) =>
        route.WithMetadata(parameters.ToArray<object>());

    /// <summary>A reply in JSON.</summary>
    /// <param name="route">The endpoint.</param>
    /// <param name="status">Its status.</param>
    /// <param name="when">When it comes.</param>
    /// <param name="headers">Names in <see cref="HeaderList"/>.</param>
    public static RouteHandlerBuilder Replies<T>(
        this RouteHandlerBuilder route, int status, string when, params string[] headers) =>
        route.Produces<T>(status, Json).WithMetadata(new ReplyDescription(status, when, headers));

    /// <summary>A reply without a body, or one that has texts only.</summary>
    public static RouteHandlerBuilder Replies(
        this RouteHandlerBuilder route, int status, string when, params string[] headers) =>
        route.Produces(status).WithMetadata(new ReplyDescription(status, when, headers));

    /// <summary>A list of all words of an enumeration.</summary>
    public static RouteHandlerBuilder RepliesWords(this RouteHandlerBuilder route, string id, Type type) =>
        route.Replies<string[]>(StatusCodes.Status200OK, "All of them.")
            .WithMetadata(new WordsDescription(new OneOfAttribute(id, type)));

    /// <summary>What else than JSON a reply may be.</summary>
    public static RouteHandlerBuilder AsText(
        this RouteHandlerBuilder route, int status, string mediaType, string example) =>
        route.WithMetadata(new TextDescription(status, mediaType, example));

    /// <summary>Media types of a reply that are bytes and no text.</summary>
    public static RouteHandlerBuilder AsBytes(this RouteHandlerBuilder route, int status, params string[] mediaTypes) =>
        route.WithMetadata(
            [.. mediaTypes.Select(type => new TextDescription(status, type, "(bytes)") { Format = "binary" })]);

    /// <summary>What else than its first type the JSON of a reply may be.</summary>
    public static RouteHandlerBuilder OrElse<T>(this RouteHandlerBuilder route, int status) =>
        route.WithMetadata(new OtherJson(status, typeof(T)));

    /// <param name="route">The endpoint.</param>
    /// <param name="types">Of the table of types; those of all endpoints need not be named.</param>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder route, params string[] types) =>
        route.WithMetadata(new RefusalDescription(types));
}

/// <summary>A reply that is no problem.</summary>
internal sealed record ReplyDescription(int Status, string When, IReadOnlyList<string> Headers);

/// <summary>A reply that lists the words of an enumeration.</summary>
internal sealed record WordsDescription(OneOfAttribute Words);

/// <summary>A media type of a reply that is no JSON.</summary>
internal sealed record TextDescription(int Status, string MediaType, string Example)
{
    public string? Format { get; init; }
}

/// <summary>Another type that the JSON of a reply may have.</summary>
internal sealed record OtherJson(int Status, Type Type);

/// <summary>Types of problems that an endpoint answers with.</summary>
internal sealed record RefusalDescription(IReadOnlyList<string> Types);
