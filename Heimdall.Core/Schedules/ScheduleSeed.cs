using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Secrets;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>
/// Brings the schedules of the configuration file into the store when a process starts. What it lacks stays: another
/// process may have it.
/// </summary>
internal sealed partial class ScheduleSeed(
    HeimdallConfig config, ScheduleStore schedules, ScheduleControl control, RemovedSchedules removed,
    ScheduleMirror mirror, SecretFingerprints fingerprints, ILogger<ScheduleSeed> logger)
    : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var seeded = new List<(ScheduleDefinition Definition, string Seed)>();
        foreach (var schedule in config.Schedules)
        {
            var definition = ScheduleDefinition.Of(schedule with { Context = FileSecrets.Resolve(schedule.Context) });
            seeded.Add((definition, await FullSeedOfAsync(definition, cancellationToken)));
        }
        var known = await schedules.FindSeedsAsync(cancellationToken);
        await control.CreateAllAsync(
            [.. seeded.Where(one => !known.ContainsKey(one.Definition.Id))], cancellationToken);
        var changed = seeded.Where(one => known.TryGetValue(one.Definition.Id, out var was)
            && (was.IsRemoved || was.Seed != one.Seed));
        foreach (var (definition, seed) in changed)
        {
            await removed.BringBackAsync(definition.Id, skipsPassed: true, cancellationToken);
            // An edit by PUT lives until the file itself says something else than when it last seeded the row.
            if (await control.SeedAsync(definition, seed, cancellationToken) is { Was.IsFromFile: false })
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

    /// <summary>Where there are secrets, another value is another seed.</summary>
    private async Task<string> FullSeedOfAsync(ScheduleDefinition definition, CancellationToken cancellationToken)
    {
        if (definition.Secrets is not { } secrets)
        {
            return SeedOf(definition);
        }
        var fingerprint = await fingerprints.OfAsync(Encoding.UTF8.GetBytes(secrets.ToJson()), cancellationToken);
        return $"{SeedOf(definition)}-{Convert.ToHexStringLower(fingerprint)}";
    }

    [LoggerMessage(LogLevel.Warning, "Schedule {Schedule} was made over REST and is the configuration file's from now on: it says what the file says, and goes when it leaves the file")]
    private partial void LogTakenOver(string schedule);
}
