using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>The commands: whether they get jobs, and how many they have.</summary>
internal static class CommandListPage
{
    private const int RefreshSeconds = 5;

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var reading = await CatalogReading.ReadAsync(context);
        var commands = context.Service<LiveCatalog>().Current.Commands.Where(context.RightsOfCaller().Sees);
        var rows = commands.Select(command => DrawRow(context, command, reading));
        return new PageContent("Commands", Markup.Of($"""
            <h1 class="page-header">Commands</h1>
            {Pieces.Part("hd-list", Markup.Of($"""
            <table class="table hd-clusters"><thead><tr>
            <th scope="col">Command</th><th scope="col">Status</th>{OpenParts.Heads}
            <th scope="col" class="hd-wide">Tags</th>
            </tr></thead><tbody>{rows}</tbody></table>{reading.DrawBound()}
            """))}
            """)) { RefreshSeconds = RefreshSeconds };
    }

    private static Markup DrawRow(DashboardContext context, Command command, CatalogReading reading)
    {
        var version = command.Version.Length > 0
            ? Markup.Of($""" <span class="hd-aside">{command.Version}</span>""")
            : Markup.Empty;
        var paused = reading.PauseOf(PauseTarget.Command(command.Id)) is null ? Markup.Empty : Pieces.State("PAUSED");
        var address = context.AddressOf(CatalogPieces.CommandPath(command.Id));
        return Markup.Of($"""
            <tr><th scope="row"><a href="{address}">{command.Name}</a>{version}</th>
            <td>{Pieces.State(command.Status.ToName())} {paused}</td>{reading.PartsOf(context, command).Cells}
            <td class="hd-wide">{string.Join(", ", command.Tags)}</td></tr>
            """);
    }
}
