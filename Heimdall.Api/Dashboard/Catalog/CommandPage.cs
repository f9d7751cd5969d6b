using System.Text.Json;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>One command: how it runs jobs, which it has, and its buttons.</summary>
internal static class CommandPage
{
    private const int RefreshSeconds = 5;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var target = CatalogTarget.Command(context);
        var id = target.Pause.Id;
        if (context.GetHttpContext().SeenCommand(context.Service<LiveCatalog>(), id) is not { } command)
        {
            return CatalogPieces.Unknown("command", id);
        }
        var reading = await CatalogReading.ReadAsync(context);
        var pause = reading.PauseOf(target.Pause);
        var parts = reading.PartsOf(context, command);
        var controls = CatalogButtons.DrawParts(context, target, command.Status, pause, parts);
        return new PageContent(command.Name, Markup.Of($"""
            <p class="hd-back"><a href="{context.AddressOf("/sql/commands")}">Commands</a></p>
            <h1 class="page-header">{command.Name} {CatalogButtons.DrawStates(command.Status, pause)}</h1>
            {(command.Description.Length > 0 ? Markup.Of($"<p>{command.Description}</p>") : Markup.Empty)}
            {controls}
            {Pieces.Part("hd-open", Markup.Of($"""
            <h2>Jobs</h2><dl class="hd-facts">{parts.Facts}</dl>{reading.DrawBound()}
            {CatalogPieces.DrawJobLinks(context, "command", id)}
            """))}
            <section><h2>Command</h2><dl class="hd-facts">
            {Pieces.Fact("Id", Markup.Of($"<code>{id}</code>"))}{Pieces.Fact("Version", command.Version)}
            {Pieces.Fact("Plugin", command.Plugin)}
            {Pieces.Fact("Tags", Pieces.Tags(command.Tags))}
            {Pieces.Fact("Tags of its clusters", Pieces.Tags(command.ClusterTags))}
            {Pieces.Fact("Allowed callers", CallersOf(command))}
            {Pieces.Fact("Queued jobs at once", CatalogPieces.Limit(command.MaxConcurrency))}
            {Pieces.Fact("Attempts", $"{command.MaxAttempts}")}
            {Pieces.Fact("Idempotent", command.Idempotent ? "yes" : "no")}
            {Pieces.Fact("Highest priority", command.MaxPriority is { } most ? $"{most}" : "any")}
            {Pieces.Fact("Defined by", CatalogPieces.SourceOf(command.Put))}
            {Pieces.Fact("Last changed", Pieces.Time(command.UpdatedAt))}
            </dl></section>
            <section>{DrawContext(command)}</section>
            """)) { RefreshSeconds = RefreshSeconds };
    }

    private static string CallersOf(Command command) =>
        command.AllowedCallers.Count == 0 ? "everybody" : string.Join(", ", command.AllowedCallers);

    private static Markup DrawContext(Command command) => command.Context.Count == 0
        ? Markup.Empty
        : Markup.Of($"""
            <h2>Defaults and ceilings of its jobs</h2>
            <pre class="hd-json" tabindex="0" aria-label="Context">{command.Context.ToJsonString(Indented)}</pre>
            """);
}
