using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>Brings the schedules of the configuration file into the store when a process starts, and takes out those that have left it.</summary>
internal sealed class ScheduleSeed(HeimdallConfig config, StoreDatabase database, ScheduleMirror mirror, TimeProvider clock) : IStorePreparation
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using (var connection = await database.DataSource.OpenConnectionAsync(cancellationToken))
        await using (var transaction = await connection.BeginTransactionAsync(cancellationToken))
        {
            var definitions = config.Schedules.Select(ScheduleDefinition.Of).ToArray();
            foreach (var definition in definitions)
            {
                await SeedAsync(connection, definition, cancellationToken);
            }
            await ScheduleStore.RemoveUnseededAsync(connection, [.. definitions.Select(definition => definition.Id)], cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        await mirror.RepairAsync(cancellationToken);
    }

    // An edit by PUT lives until the file itself says something else than when it last seeded the row.
    private async Task SeedAsync(NpgsqlConnection connection, ScheduleDefinition definition, CancellationToken cancellationToken)
    {
        var seed = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(definition))));
        var now = clock.GetUtcNow().UtcDateTime;
        if (await ScheduleStore.LockAsync(connection, definition.Id, cancellationToken) is not { } was)
        {
            await ScheduleStore.InsertAsync(connection, ScheduleChanges.Create(definition, now), seed, cancellationToken);
        }
        else if (await ScheduleStore.FindSeedAsync(connection, definition.Id, cancellationToken) != seed)
        {
            await ScheduleStore.UpdateAsync(connection, ScheduleChanges.Redefine(was, definition, now), seed, cancellationToken);
        }
    }
}
