using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>The form above the list: what it is filtered by is in the address, to be kept and passed on.</summary>
internal static class FilterForm
{
    public static Markup Draw(DashboardContext context, IQueryCollection query, CatalogSnapshot catalog)
    {
        var rights = context.RightsOfCaller();
        var commands = catalog.Commands.Where(rights.Sees).Select(command => (command.Id, command.Name));
        var clusters = catalog.Clusters.Where(rights.Sees).Select(cluster => (cluster.Id, cluster.Name));
        return Draw(context, query, commands, clusters);
    }

    private static Markup Draw(
        DashboardContext context, IQueryCollection query, IEnumerable<(string Id, string Name)> commands,
        IEnumerable<(string Id, string Name)> clusters) => Markup.Of($"""
        <form method="get" action="{context.AddressOf("/sql/jobs")}" class="hd-filter" role="search" aria-label="Filter the jobs">
        {Choice(query, "status", "Status", JobStatusNames.All.Where(name => name != "NEW").Select(name => (name, name)))}
        {Choice(query, "command", "Command", commands)}
        {Choice(query, "cluster", "Cluster", clusters)}
        {Text(query, "user", "Caller")}
        {Text(query, "tag", "Tag")}
        {Text(query, "schedule", "Schedule")}
        {Text(query, "name", "Name", "nightly*")}
        {Text(query, "id", "Id")}
        {Text(query, "created_after", "Created after, UTC", "2026-01-31 12:00")}
        {Text(query, "created_before", "Created before, UTC", "2026-01-31 12:00")}
        {Choice(query, "order_by", "Order", [("updated_at", "last changed first"), ("duration", "longest first")], "newest first")}
        {Text(query, "text", "Text in SQL or error")}
        <div class="hd-filter-buttons"><button type="submit" class="btn btn-primary">Filter</button> <a class="btn btn-default" href="{context.AddressOf("/sql/jobs")}">Clear</a></div>
        </form>
        """);

    private static Markup Choice(IQueryCollection query, string name, string label, IEnumerable<(string Value, string Text)> choices, string none = "any")
    {
        var chosen = query[name].ToString();
        // One that the catalog no longer has may still be asked for.
        var all = choices.ToList();
        if (chosen.Length > 0 && all.All(choice => choice.Value != chosen))
        {
            all.Add((chosen, chosen));
        }
        var options = all.Select(choice => choice.Value == chosen
            ? Markup.Of($"""<option value="{choice.Value}" selected>{choice.Text}</option>""")
            : Markup.Of($"""<option value="{choice.Value}">{choice.Text}</option>"""));
        return Markup.Of($"""
            <div><label for="hd-{name}">{label}</label><select id="hd-{name}" name="{name}" class="form-control"><option value="">{none}</option>{options}</select></div>
            """);
    }

    private static Markup Text(IQueryCollection query, string name, string label, string example = "") => Markup.Of($"""
        <div><label for="hd-{name}">{label}</label><input id="hd-{name}" name="{name}" class="form-control" value="{query[name].ToString()}" placeholder="{example}" autocomplete="off"></div>
        """);
}
