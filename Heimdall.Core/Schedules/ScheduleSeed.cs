using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>
/// Brings the schedules of the configuration file into the store when a process starts, and takes out those that have left it. Processes whose
/// files differ each do so with their own: what that changes is logged, and what comes back is as it was.
/// </summary>
internal sealed partial class ScheduleSeed(
    HeimdallConfig config, ScheduleStore schedules, ScheduleControl control, ScheduleMirror mirror, ILogger<ScheduleSeed> logger)
    : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var definitions = config.Schedules.Select(ScheduleDefinition.Of).ToArray();
        foreach (var definition in definitions)
        {
            if (await control.BringBackAsync(definition.Id, cancellationToken))
            {
                LogBroughtBack(definition.Id);
            }
            // An edit by PUT lives until the file itself says something else than when it last seeded the row.
            if (await control.SeedAsync(definition, SeedOf(definition), cancellationToken) is { Was.IsFromFile: false })
            {
                LogTakenOver(definition.Id);
            }
        }
        var seeded = definitions.Select(definition => definition.Id).ToArray();
        foreach (var id in await schedules.FindUnseededAsync(seeded, cancellationToken))
        {
            if (await control.TakeOutAsync(id, cancellationToken))
            {
                LogRemoved(id, ScheduleKeeper.KeptRemoved.TotalDays);
            }
        }
        await mirror.RepairAsync(cancellationToken);
    }

    /// <summary>
    /// The seed of an unchanged file is the same in each version: another one undoes the edits that were made over
    /// REST. So a new property is left out of it where it has its default.
    /// </summary>
    internal static string SeedOf(ScheduleDefinition definition) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(definition))));

    [LoggerMessage(LogLevel.Warning, "Schedule {Schedule} is not in this process's configuration file and is removed; for {Days} days it can come back by the file, with its pause and history")]
    private partial void LogRemoved(string schedule, double days);

    [LoggerMessage(LogLevel.Warning, "Schedule {Schedule} had left the configuration file and is back, with its pause and history")]
    private partial void LogBroughtBack(string schedule);

    [LoggerMessage(LogLevel.Warning, "Schedule {Schedule} was made over REST and is the configuration file's from now on: it says what the file says, and goes when it leaves the file")]
    private partial void LogTakenOver(string schedule);
}
