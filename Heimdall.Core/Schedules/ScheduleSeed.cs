using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>
/// Brings the schedules of the configuration file into the store when a process starts. What it lacks stays: another
/// process may have it.
/// </summary>
internal sealed partial class ScheduleSeed(
    HeimdallConfig config, ScheduleStore schedules, ScheduleControl control, RemovedSchedules removed,
    ScheduleMirror mirror, ILogger<ScheduleSeed> logger)
    : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var definitions = config.Schedules.Select(ScheduleDefinition.Of).ToArray();
        var known = await schedules.FindSeedsAsync(cancellationToken);
        await control.CreateAllAsync(
            [.. definitions.Where(definition => !known.ContainsKey(definition.Id))
                .Select(definition => (definition, SeedOf(definition)))],
            cancellationToken);
        var changed = definitions.Where(definition => known.TryGetValue(definition.Id, out var was)
            && (was.IsRemoved || was.Seed != SeedOf(definition)));
        foreach (var definition in changed)
        {
            await removed.BringBackAsync(definition.Id, skipsPassed: true, cancellationToken);
            // An edit by PUT lives until the file itself says something else than when it last seeded the row.
            if (await control.SeedAsync(definition, SeedOf(definition), cancellationToken) is { Was.IsFromFile: false })
            {
                LogTakenOver(definition.Id);
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

    [LoggerMessage(LogLevel.Warning, "Schedule {Schedule} was made over REST and is the configuration file's from now on: it says what the file says, and goes when it leaves the file")]
    private partial void LogTakenOver(string schedule);
}
