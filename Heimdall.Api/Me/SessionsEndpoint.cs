using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Api.SignIn;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Me;

/// <summary><c>/api/v1/sessions</c> and <c>/api/v1/session/{id}</c>: the browsers that are signed in.</summary>
internal static class SessionsEndpoint
{
    private const int MaxLimit = 200;

    private static readonly ParameterDescription[] _parameters =
    [
        ParameterDescription.Text("user", "Those of this user."),
        ParameterDescription.Number("limit", "How many.", 1, MaxLimit, new SessionFilter().Limit),
        ParameterDescription.Text("cursor", "next_cursor of the page before."),
    ];

    private static readonly string[] _known = [.. _parameters.Select(parameter => parameter.Name)];

    public static void MapSessions(this IEndpointRouteBuilder api)
    {
        var sessions = api.MapGroup("").WithTags(TagList.Callers);
        sessions.MapGet("/sessions", ListAsync)
            .Named("listSessions", "The browsers that are signed in: your own, or everybody's for an admin.")
            .Takes(_parameters)
            .Replies<SessionListView>(StatusCodes.Status200OK, "A page of sessions, the newest first.");
        sessions.MapDelete("/session/{id:guid}", EndAsync)
            .Named("endSession", "Sign a browser out: one of your own, or anybody's for an admin.")
            .Replies(StatusCodes.Status204NoContent, "It is signed out, in every process.")
            .Refuses("not-found");
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, AuthConfig config, SessionStore sessions, CancellationToken cancellationToken)
    {
        var fields = new QueryFields(context.Request.Query, _known);
        var filter = new SessionFilter
        {
            Owner = OwnerFor(context),
            User = fields.Text("user"),
            Limit = fields.Limit("limit", MaxLimit) ?? new SessionFilter().Limit,
            Cursor = fields.Cursor<SessionCursor>("cursor", cursor => cursor.SignedInAt.Kind == DateTimeKind.Utc),
        };
        if (fields.Problems.Count > 0)
        {
            return Problem.Invalid(fields.Problems);
        }
        var page = config.Oidc is { } oidc
            ? await sessions.ListAsync(filter, oidc.IdleTimeout, cancellationToken)
            : new SessionPage([], Next: null);
        return TypedResults.Json(
            new SessionListView(
                [.. page.Sessions.Select(SessionView.Of)], page.Next is not null,
                page.Next is null ? null : QueryFields.WriteCursor(page.Next)),
            ApiJson.Options);
    }

    private static async Task<IResult> EndAsync(
        Guid id, HttpContext context, SessionStore sessions, CancellationToken cancellationToken) =>
        await sessions.EndAsync(id, OwnerFor(context), cancellationToken)
            ? TypedResults.NoContent()
            : Problem.NotFound($"There is no session {id}.");

    /// <returns>Null for who may end everybody's.</returns>
    private static string? OwnerFor(HttpContext context)
    {
        var caller = context.Caller();
        return caller.Rights.HasEverywhere(Right.EndSessions) ? null : caller.Name;
    }
}

/// <summary>A page of browsers that are signed in.</summary>
internal sealed record SessionListView(IReadOnlyList<SessionView> Data, bool HasMore, string? NextCursor);

/// <summary>A browser that is signed in.</summary>
/// <param name="Id">Tells it from others.</param>
/// <param name="User">Who.</param>
/// <param name="Address">From where they signed in; absent: not known.</param>
/// <param name="SignedInAt">When.</param>
/// <param name="LastUsedAt">To the minute.</param>
/// <param name="EndsAt">Unless it is used until then.</param>
internal sealed record SessionView(
    Guid Id, string User, string? Address, DateTime SignedInAt, DateTime LastUsedAt, DateTime EndsAt)
{
    public static SessionView Of(OpenSession session) => new(
        session.Id, session.User, session.Address, session.SignedInAt, session.LastUsedAt, session.EndsAt);
}
