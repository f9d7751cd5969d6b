using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Audit;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Hooks;
using Heimdall.Api.Rights;
using Heimdall.Core.Hooks;
using Microsoft.Extensions.Primitives;

namespace Heimdall.Api.Dashboard.Hooks;

/// <summary>
/// Who is notified of what happens, and what became of the messages: the newest first, filtered as <c>GET
/// /api/v1/hooks/deliveries</c> filters them.
/// </summary>
internal static class HooksPage
{
    public const string Path = "/sql/hooks";

    private static readonly string[] Filters = ["hook", "job", "status", "cursor"];

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        // A form sends what was left empty too, and an address may have more in it.
        var query = context.GetHttpContext().Request.Query
            .Where(field => Filters.Contains(field.Key) && !StringValues.IsNullOrEmpty(field.Value))
            .ToDictionary(field => field.Key, field => field.Value);
        var store = context.Service<DeliveryStore>();
        Receiver[] hooks = [.. context.Service<HookBook>().All.OrderBy(hook => hook.Id, StringComparer.Ordinal)];
        var counts = await store.CountAsync(context.Aborted());
        var head = Markup.Of($"""
            {DrawHooks(context, hooks, counts)}
            <h2>Messages</h2>{DrawForm(context, hooks, new QueryCollection(query))}
            """);
        var (filter, problems) = ReadDeliveries.ReadFilter(new QueryCollection(query));
        if (problems.Count > 0)
        {
            var wrong = problems.Select(problem => Markup.Of($"<li>{problem.Path}: {problem.Message}</li>"));
            return Page(Markup.Of($"{head}{Pieces.Alert("warning", Markup.Of($"<ul>{wrong}</ul>"))}")) with
            {
                Status = StatusCodes.Status400BadRequest,
            };
        }
        var page = await store.ListAsync(filter with { HasReplies = true }, context.Aborted());
        var rows = page.Deliveries.Select(delivery => DrawRow(context, delivery));
        var table = page.Deliveries.Count == 0
            ? Markup.Of($"<p>No message matches.</p>")
            : Markup.Of($"""
                <div class="table-responsive" tabindex="0" role="region" aria-label="Messages">
                <table class="table"><thead><tr><th scope="col">When</th><th scope="col">Hook</th>
                <th scope="col">Status</th><th scope="col">What</th><th scope="col">Attempts</th></tr></thead>
                <tbody>{rows}</tbody></table></div>
                """);
        var list = Pieces.Part("hd-deliveries", Markup.Of($"{table}{DrawWayOn(context, query, page.Next)}"));
        return Page(Markup.Of($"{head}{list}")) with { RefreshSeconds = 5 };
    }

    /// <summary>Takes the button of a hook.</summary>
    public static async Task TestAsync(DashboardContext context)
    {
        var hook = await context.Request.GetFormValuesAsync("hook") is [{ } text, ..] ? text : "";
        if (context.Service<HookBook>().Find(hook) is null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }
        await context.Service<AuditGate>().MakePartAsync($"hook/{hook}", async () =>
        {
            await context.Service<DeliveryStore>()
                .TestAsync(hook, context.GetHttpContext().CallerName(), context.Aborted());
            return null;
        });
        context.GoTo(Path);
    }

    /// <summary>Takes the button of a message.</summary>
    public static async Task RedeliverAsync(DashboardContext context)
    {
        var id = Guid.Parse(context.UriMatch.Groups["id"].ValueSpan);
        if (await context.Service<DeliveryStore>().RedeliverAsync(id, context.Aborted()) is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        context.GoTo(Path);
    }

    private static PageContent Page(Markup body) => new("Hooks", Markup.Of($"""
        <h1 class="page-header">Hooks</h1>
        {body}
        """));

    private static Markup DrawHooks(
        DashboardContext context, Receiver[] hooks, IReadOnlyDictionary<string, HookFigures> counts)
    {
        if (hooks.Length == 0)
        {
            return Markup.Of($"<p>The configuration file has no hooks.</p>");
        }
        var mayTest = context.RightsOfCaller().Has(Right.ControlHooks);
        var rows = hooks.Select(hook =>
        {
            var view = HookView.Of(hook, counts);
            var events = view.Events.Count == 0 ? "where a job names it" : string.Join(", ", view.Events);
            var button = mayTest
                ? context.Button("/sql/hooks/test", $"Test {hook.Id}", "btn-default", ("hook", hook.Id))
                : Markup.Empty;
            var gone = view.GoneSince is { } since
                ? Markup.Of($"""
                    {Pieces.State("GONE")}<div class="hd-said">since {Pieces.Time(since)} it has wanted no more (410):
                    messages are given up until it takes a test, or one that is sent again</div>
                    """)
                : Markup.Empty;
            return Markup.Of($"""
                <tr><td class="hd-names">{hook.Id}<div class="hd-said">{view.Kind} to {view.Target}</div>{gone}</td>
                <td>{events}</td><td>{Pieces.Number(view.Pending)}</td><td>{Pieces.Number(view.DeadLately)}</td>
                <td>{button}</td></tr>
                """);
        });
        return Markup.Of($"""
            <div class="table-responsive" tabindex="0" role="region" aria-label="Hooks">
            <table class="table"><thead><tr><th scope="col">Hook</th><th scope="col">Notified of</th>
            <th scope="col">Waiting</th><th scope="col">Given up in a day</th><th scope="col">Try it</th></tr></thead>
            <tbody>{rows}</tbody></table></div>
            """);
    }

    private static Markup DrawForm(DashboardContext context, Receiver[] hooks, IQueryCollection query) => Markup.Of($"""
        <form method="get" action="{context.AddressOf(Path)}" class="hd-filter" role="search"
            aria-label="Filter the messages">
        {FilterFields.Choice(query, "hook", "Hook", hooks.Select(hook => (hook.Id, hook.Id)))}
        {FilterFields.Choice(query, "status", "Status", DeliveryStatusNames.All.Select(name => (name, name)))}
        {FilterFields.Text(query, "job", "Job", "id")}
        <div class="hd-filter-buttons"><button type="submit" class="btn btn-primary">Filter</button>
        <a class="btn btn-default" href="{context.AddressOf(Path)}">Clear</a></div>
        </form>
        """);

    private static Markup DrawRow(DashboardContext context, StoredDelivery delivery)
    {
        var about = delivery.JobId is { } job
            ? Pieces.JobLink(context.AddressOf, job, delivery.Data["name"]?.ToString() ?? "job")
            : Markup.Of($"{delivery.Subject}");
        var next = delivery.NextAt is { } at
            ? Markup.Of($"""<div class="hd-said">next {Pieces.Time(at)}</div>""")
            : Markup.Empty;
        return Markup.Of($"""
            <tr><td>{Pieces.Time(delivery.CreatedAt)}</td><td class="hd-names">{delivery.Hook}</td>
            <td>{Pieces.State(delivery.Status)}{next}</td>
            <td class="hd-names">{delivery.Event}<div class="hd-said">{about}</div></td>
            <td>{DrawAttempts(delivery)}{DrawRedeliver(context, delivery)}</td></tr>
            """);
    }

    private static Markup DrawAttempts(StoredDelivery delivery)
    {
        var tries = delivery.Tries.Reverse().Select(one =>
        {
            var status = one.Status is { } code ? code.ToString(CultureInfo.InvariantCulture) : "no answer";
            var reply = one.Reply is { } text ? Markup.Of($"<pre>{text}</pre>") : Markup.Empty;
            return Markup.Of($"""
                <li>{Pieces.Time(one.At)} {status}, {Pieces.Duration(TimeSpan.FromMilliseconds(one.Milliseconds))}
                {one.Error}{reply}</li>
                """);
        });
        return delivery.Tries.Count == 0
            ? Markup.Of($"{Pieces.Number(delivery.Attempts)}")
            : Markup.Of($"""
                <details><summary>{Pieces.Number(delivery.Attempts)}</summary><ol reversed>{tries}</ol></details>
                """);
    }

    private static Markup DrawRedeliver(DashboardContext context, StoredDelivery delivery) =>
        context.RightsOfCaller().Has(Right.ControlHooks)
            ? context.Button($"/sql/hooks/{delivery.Id}/redeliver", "Send again", "btn-default")
            : Markup.Empty;

    private static Markup DrawWayOn(
        DashboardContext context, Dictionary<string, StringValues> query, DeliveryCursor? next)
    {
        var filters = query.Where(field => field.Key != "cursor")
            .Select(field => (field.Key, field.Value.ToString())).ToList();
        var newest = query.ContainsKey("cursor")
            ? Markup.Of($"""<li><a class="btn btn-default" href="{AddressOf(context, filters)}">Newest</a></li>""")
            : Markup.Empty;
        var older = Markup.Empty;
        if (next is not null)
        {
            filters.Add(("cursor", ReadDeliveries.WriteCursor(next)));
            older = Markup.Of($"""
                <li><a class="btn btn-default" rel="next" href="{AddressOf(context, filters)}">Older</a></li>
                """);
        }
        return Markup.Of($"""<nav aria-label="Pages"><ul class="hd-pages">{newest}{older}</ul></nav>""");
    }

    private static string AddressOf(DashboardContext context, List<(string Name, string Value)> fields) =>
        context.AddressOf(Path)
        + fields.Aggregate(new QueryString(), (query, field) => query.Add(field.Name, field.Value));
}
