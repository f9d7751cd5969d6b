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
        {FilterFields.Choice(query, "status", "Status", JobStatusNames.All.Where(name => name != "NEW").Select(name => (name, name)))}
        {FilterFields.Choice(query, "command", "Command", commands)}
        {FilterFields.Choice(query, "cluster", "Cluster", clusters)}
        {FilterFields.Text(query, "user", "Caller")}
        {FilterFields.Text(query, "tag", "Tag")}
        {FilterFields.Text(query, "schedule", "Schedule")}
        {FilterFields.Text(query, "name", "Name", "nightly*")}
        {FilterFields.Text(query, "id", "Id")}
        {FilterFields.Text(query, "created_after", "Created after, UTC", "2026-01-31 12:00")}
        {FilterFields.Text(query, "created_before", "Created before, UTC", "2026-01-31 12:00")}
        {FilterFields.Choice(query, "order_by", "Order", [("updated_at", "last changed first"), ("duration", "longest first")], "newest first")}
        {FilterFields.Text(query, "text", "Text in SQL or error")}
        <div class="hd-filter-buttons"><button type="submit" class="btn btn-primary">Filter</button> <a class="btn btn-default" href="{context.AddressOf("/sql/jobs")}">Clear</a></div>
        </form>
        """);
}
