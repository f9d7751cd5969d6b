using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>What the page of a cluster and that of a command show alike.</summary>
internal static class CatalogPieces
{
    public static string ClusterPath(string id) => $"/sql/clusters/{Uri.EscapeDataString(id)}";

    public static string CommandPath(string id) => $"/sql/commands/{Uri.EscapeDataString(id)}";

    public static PageContent Unknown(string kind, string id) => new($"No such {kind}", Markup.Of($"""
        <h1 class="page-header">No such {kind}</h1><p>There is no {kind} <code>{id}</code>.</p>
        """))
    {
        Status = StatusCodes.Status404NotFound,
    };

    public static string Limit(int? most) => most is { } number ? $"{number} at most" : "no limit";

    public static string SourceOf(PutMark? put) =>
        put is null ? "a configuration file" : $"{put.By}, over REST";

    public static Markup DrawJobLinks(DashboardContext context, string kind, string id)
    {
        var all = new QueryString().Add(kind, id);
        var path = context.AddressOf("/sql/jobs");
        return Markup.Of($"""
            <ul class="hd-pages"><li><a class="btn" href="{path + all}">All its jobs</a></li>
            <li><a class="btn" href="{path + all.Add("status", "FAILED,KILLED")}">Those that failed</a></li></ul>
            """);
    }
}
