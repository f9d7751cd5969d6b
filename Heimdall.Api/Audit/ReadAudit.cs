using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Heimdall.Core.Audit;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Audit;

/// <summary><c>GET /api/v1/audit</c>: a page of who did what, the newest first.</summary>
internal static class ReadAudit
{
    private const int MaxLimit = 200;

    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Text("user", "What this user asked for."),
        ParameterDescription.Text("action", "Method and route, such as POST /api/v1/job/{id:guid}/cancel."),
        ParameterDescription.Text("target", "What it was about, such as job/ID."),
        ParameterDescription.Word("outcome", "How it ended.", AuditOutcomeNames.All),
        ParameterDescription.Time("after", "What was asked for after this time."),
        ParameterDescription.Time("before", "What was asked for before this time."),
        ParameterDescription.Number("limit", "How many.", 1, MaxLimit, new AuditFilter().Limit),
        ParameterDescription.Text("cursor", "next_cursor of the page before."),
    ];

    private static readonly string[] _known = [.. Parameters.Select(parameter => parameter.Name)];

    public static async Task<IResult> HandleAsync(
        HttpContext context, AuditLog log, CancellationToken cancellationToken)
    {
        var (filter, problems) = ReadFilter(context.Request.Query);
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var page = await log.ListAsync(filter, cancellationToken);
        return TypedResults.Json(
            new AuditListView(
                page.Records, page.Next is not null, page.Next is null ? null : WriteCursor(page.Next)),
            ApiJson.Options);
    }

    /// <summary>What the parameters say, and what is wrong with them.</summary>
    public static (AuditFilter Filter, IReadOnlyList<ContextProblem> Problems) ReadFilter(IQueryCollection query)
    {
        var fields = new QueryFields(query, _known);
        var filter = new AuditFilter
        {
            User = fields.Text("user"),
            Action = fields.Text("action"),
            Target = fields.Text("target"),
            Outcome = fields.Value<AuditOutcome>(
                "outcome", $"Must be one of {string.Join(", ", AuditOutcomeNames.All)}.", AuditOutcomeNames.Find),
            After = Time("after"),
            Before = Time("before"),
            Limit = fields.Limit("limit", MaxLimit) ?? new AuditFilter().Limit,
            Cursor = fields.Cursor<AuditCursor>("cursor", cursor => cursor.At.Kind == DateTimeKind.Utc),
        };
        return (filter, fields.Problems);

        DateTime? Time(string name) => fields.Value<DateTime>(
            name, "Must be a time as in RFC 3339, with its offset: 2026-01-31T12:00:00Z.",
            text => Timestamp.TryRead(text, out var time) ? time.UtcDateTime : null);
    }

    public static string WriteCursor(AuditCursor cursor) => QueryFields.WriteCursor(cursor);
}

/// <summary>A page of the audit.</summary>
internal sealed record AuditListView(IReadOnlyList<AuditRecord> Data, bool HasMore, string? NextCursor);
