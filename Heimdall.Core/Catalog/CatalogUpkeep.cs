using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>
/// Commands and clusters that no living process has in its configuration file. They are marked and get no jobs; they
/// come back as they were with the next process that has them; 30 days later they are deleted.
/// </summary>
internal sealed partial class CatalogUpkeep(
    CatalogStore store, StoreNotifications notifications, ILogger<CatalogUpkeep> logger)
{
    /// <summary>For so long one can come back.</summary>
    public static readonly TimeSpan KeptRemoved = TimeSpan.FromDays(30);

    /// <summary>A store that was down has kept every process from saying that it lives.</summary>
    private static readonly TimeSpan AwayTime = TimeSpan.FromMinutes(5);

    /// <summary>Marks those that have left all files, and deletes those that left them long ago.</summary>
    /// <returns>How many commands and clusters were deleted.</returns>
    public async Task<(long Commands, long Clusters)> MarkAsync(CancellationToken cancellationToken)
    {
        if (!notifications.HasBeenAway(AwayTime))
        {
            Log(await store.MarkAsync(cancellationToken));
        }
        var forgotten = await store.ForgetRemovedAsync(KeptRemoved, cancellationToken);
        foreach (var (kind, id) in forgotten)
        {
            LogForgotten(kind, id);
        }
        var commands = forgotten.Count(entry => entry.Kind == "Command");
        return (commands, forgotten.Count - commands);
    }

    /// <summary>Says what has come back and what has gone.</summary>
    public void Log(CatalogChange change)
    {
        foreach (var (kind, id) in change.Back)
        {
            LogBack(kind, id);
        }
        foreach (var (kind, id) in change.Gone)
        {
            LogRemoved(kind, id, KeptRemoved.TotalDays);
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "{Kind} {Id} had left all configuration files and is back, with the status that it had")]
    private partial void LogBack(string kind, string id);

    [LoggerMessage(
        LogLevel.Warning,
        "{Kind} {Id} is in no living process's configuration file and gets no more jobs; "
        + "for {Days} days it can come back as it is")]
    private partial void LogRemoved(string kind, string id, double days);

    [LoggerMessage(LogLevel.Information, "{Kind} {Id} left all configuration files long ago and is deleted")]
    private partial void LogForgotten(string kind, string id);
}
