using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;

namespace Heimdall.Core.Schedules;

/// <summary>Brings the schedules of the configuration file into the store when a process starts, and takes out those that have left it.</summary>
internal sealed class ScheduleSeed(HeimdallConfig config, ScheduleStore schedules, ScheduleControl control, ScheduleMirror mirror) : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var definitions = config.Schedules.Select(ScheduleDefinition.Of).ToArray();
        foreach (var definition in definitions)
        {
            // An edit by PUT lives until the file itself says something else than when it last seeded the row.
            await control.SeedAsync(definition, SeedOf(definition), cancellationToken);
        }
        await schedules.RemoveUnseededAsync([.. definitions.Select(definition => definition.Id)], cancellationToken);
        await mirror.RepairAsync(cancellationToken);
    }

    private static string SeedOf(ScheduleDefinition definition) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(definition))));
}
