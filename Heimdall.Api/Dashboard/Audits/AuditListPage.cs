using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Audit;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Audit;
using Microsoft.Extensions.Primitives;

namespace Heimdall.Api.Dashboard.Audits;

/// <summary>
/// Who did what and who was refused, the newest first, filtered as <c>GET /api/v1/audit</c> filters it.
/// </summary>
internal static class AuditListPage
{
    public const string Path = "/sql/audit";

    private static readonly string[] Times = ["after", "before"];

    private static readonly string[] Filters = ["user", "action", "target", "outcome", .. Times];

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        // A form sends what was left empty too, and an address may have more in it.
        var query = context.GetHttpContext().Request.Query
            .Where(field => Filters.Append("cursor").Contains(field.Key) && !StringValues.IsNullOrEmpty(field.Value))
            .ToDictionary(field => field.Key, field => field.Value);
        var form = DrawForm(context, new QueryCollection(query));
        var (filter, problems) = ReadAudit.ReadFilter(new QueryCollection(query.ToDictionary(
            field => field.Key, field => Times.Contains(field.Key) ? ToRfc3339(field.Value) : field.Value)));
        if (problems.Count > 0)
        {
            var wrong = problems.Select(problem => Markup.Of($"<li>{problem.Path}: {problem.Message}</li>"));
            return Page(Markup.Of($"{form}{Pieces.Alert("warning", Markup.Of($"<ul>{wrong}</ul>"))}")) with
            {
                Status = StatusCodes.Status400BadRequest,
            };
        }
        var page = await context.Service<AuditLog>().ListAsync(filter, context.Aborted());
        var rows = page.Records.Select(record => DrawRow(context, record));
        var table = page.Records.Count == 0
            ? Markup.Of($"<p>No record matches.</p>")
            : Markup.Of($"""
                <table class="table hd-audit"><thead><tr><th scope="col">When</th><th scope="col">Who</th>
                <th scope="col">Outcome</th><th scope="col">What</th><th scope="col" class="hd-wide">From</th></tr></thead>
                <tbody>{rows}</tbody></table>
                """);
        return Page(Markup.Of($"{form}{table}{DrawWayOn(context, query, page.Next)}"));
    }

    private static PageContent Page(Markup body) => new("Audit", Markup.Of($"""
        <h1 class="page-header">Audit</h1>
        <p class="hd-aside">Who changed what, and who was refused.
        A submission is not here: the job itself is its record.</p>
        {body}
        """));

    private static Markup DrawForm(DashboardContext context, IQueryCollection query) => Markup.Of($"""
        <form method="get" action="{context.AddressOf(Path)}" class="hd-filter" role="search"
            aria-label="Filter the audit">
        {FilterFields.Text(query, "user", "User")}
        {FilterFields.Choice(query, "outcome", "Outcome", AuditOutcomeNames.All.Select(name => (name, name)))}
        {FilterFields.Text(query, "target", "About", "job/ID")}
        {FilterFields.Text(query, "action", "Action")}
        {FilterFields.Text(query, "after", "After, UTC", "2026-01-31 12:00")}
        {FilterFields.Text(query, "before", "Before, UTC", "2026-01-31 12:00")}
        <div class="hd-filter-buttons"><button type="submit" class="btn btn-primary">Filter</button>
        <a class="btn btn-default" href="{context.AddressOf(Path)}">Clear</a></div>
        </form>
        """);

    private static Markup DrawRow(DashboardContext context, AuditRecord record)
    {
        var who = record.User is null
            ? Markup.Of($"""<span class="hd-null">nobody known</span>""")
            : Markup.Of($"""<a href="{AddressOf(context, [("user", record.User)])}">{record.User}</a>""");
        var how = record.AuthenticatedBy is null ? "" : $"by {record.AuthenticatedBy}";
        var target = record.Target.Length == 0
            ? Markup.Empty
            : Markup.Of($"""
                <div class="hd-said"><a href="{AddressOf(context, [("target", record.Target)])}">{record.Target}</a>{DrawJob(context, record.Target)}</div>
                """);
        var status = record.Status is { } code ? Markup.Of($""" <span class="hd-said">{code}</span>""") : Markup.Empty;
        return Markup.Of($"""
            <tr><td>{Pieces.Time(record.At)}</td><td class="hd-names">{who}<div class="hd-said">{how}</div></td>
            <td>{Pieces.State(record.Outcome)}{status}</td>
            <td class="hd-names">{record.Action}{target}<div class="hd-narrow">from {record.Address}</div></td>
            <td class="hd-wide">{record.Address}</td></tr>
            """);
    }

    private static Markup DrawJob(DashboardContext context, string target) =>
        target.StartsWith("job/", StringComparison.Ordinal) && Guid.TryParse(target["job/".Length..], out var id)
            ? Markup.Of($" · {Pieces.JobLink(context.AddressOf, id, "open")}")
            : Markup.Empty;

    private static Markup DrawWayOn(
        DashboardContext context, Dictionary<string, StringValues> query, AuditCursor? next)
    {
        var filters = query.Where(field => field.Key != "cursor")
            .Select(field => (field.Key, field.Value.ToString())).ToList();
        var newest = query.ContainsKey("cursor")
            ? Markup.Of($"""<li><a class="btn btn-default" href="{AddressOf(context, filters)}">Newest</a></li>""")
            : Markup.Empty;
        var older = next is null
            ? Markup.Empty
            : Markup.Of($"""
                <li><a class="btn btn-default" rel="next"
                    href="{AddressOf(context, [.. filters, ("cursor", ReadAudit.WriteCursor(next))])}">Older</a></li>
                """);
        return Markup.Of($"""<nav aria-label="Pages"><ul class="hd-pages">{newest}{older}</ul></nav>""");
    }

    private static string AddressOf(DashboardContext context, IEnumerable<(string Name, string Value)> fields) =>
        context.AddressOf(Path)
        + fields.Aggregate(new QueryString(), (query, field) => query.Add(field.Name, field.Value));

    /// <summary>People write <c>2026-01-31 12:00</c>, and mean UTC.</summary>
    private static StringValues ToRfc3339(StringValues written) =>
        DateTime.TryParseExact(
            written.ToString(), ["yyyy-MM-dd", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss"], CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
                ? time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)
                : written;
}
