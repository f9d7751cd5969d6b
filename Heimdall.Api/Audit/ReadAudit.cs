using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
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
        var problems = new List<ContextProblem>();
        problems.AddRange(query.Keys.Where(key => !_known.Contains(key))
            .Select(key => new ContextProblem(key, $"Unknown parameter. Known are: {string.Join(", ", _known)}.")));
        problems.AddRange(query.Where(item => item.Value.Count > 1)
            .Select(item => new ContextProblem(item.Key, "Given more than once.")));
        var filter = new AuditFilter
        {
            User = Text("user"),
            Action = Text("action"),
            Target = Text("target"),
            Outcome = Text("outcome") is { } outcome
                ? AuditOutcomeNames.Find(outcome)
                    ?? Refuse<AuditOutcome?>("outcome", $"Must be one of {string.Join(", ", AuditOutcomeNames.All)}.")
                : null,
            After = Time("after"),
            Before = Time("before"),
            Limit = Text("limit") is { } limit
                ? ReadLimit(limit) ?? Refuse<int>("limit", $"Must be a number from 1 to {MaxLimit}.")
                : new AuditFilter().Limit,
            Cursor = Text("cursor") is { } cursor
                ? ReadCursor(cursor)
                    ?? Refuse<AuditCursor?>("cursor", "Not a cursor of this list: take next_cursor of the page before.")
                : null,
        };
        return (filter, problems);

        string? Text(string name) => query.TryGetValue(name, out var values)
            ? values[0] is { Length: > 0 } text && !text.Contains('\0') ? text
                : Refuse<string?>(name, "Must not be empty.")
            : null;

        DateTime? Time(string name) => Text(name) is { } text
            ? Timestamp.TryRead(text, out var time) ? time.UtcDateTime
                : Refuse<DateTime?>(name, "Must be a time as in RFC 3339, with its offset: 2026-01-31T12:00:00Z.")
            : null;

        T? Refuse<T>(string name, string problem)
        {
            problems.Add(new(name, problem));
            return default;
        }
    }

    public static string WriteCursor(AuditCursor cursor) =>
        Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(cursor));

    private static int? ReadLimit(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number is >= 1 and <= MaxLimit
            ? number
            : null;

    private static AuditCursor? ReadCursor(string text)
    {
        try
        {
            var cursor = JsonSerializer.Deserialize<AuditCursor>(Base64Url.DecodeFromChars(text));
            return cursor is { At.Kind: DateTimeKind.Utc } ? cursor : null;
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return null;
        }
    }
}

/// <summary>A page of the audit.</summary>
internal sealed record AuditListView(IReadOnlyList<AuditRecord> Data, bool HasMore, string? NextCursor);
