using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Microsoft.Extensions.Logging.Abstractions;

namespace Heimdall.Tests.Support;

/// <summary>
/// A database with the tables of a store and nothing in them. The tests' stores are copies of it: to make the tables takes
/// longer than most tests. A test of the first start, or with a server of its own, begins with an empty database.
/// </summary>
internal static class StoreTemplate
{
    private static readonly Lazy<Task<TestDatabase>> _database = new(MakeAsync);

    public static async Task<string> NameAsync() => (await _database.Value).Name;

    /// <summary>After the last test.</summary>
    public static async Task DropAsync()
    {
        if (_database.IsValueCreated)
        {
            await (await _database.Value).DisposeAsync();
        }
    }

    private static async Task<TestDatabase> MakeAsync()
    {
        var database = await TestDatabase.CreateAsync();
        var defaults = new DatabaseConfig { ConnectionString = database.ConnectionString };
        await using (var store = new StoreDatabase(database.ConnectionString, defaults.Schema, defaults.HangfireSchema, ConnectionLimits.ForApi))
        {
            using var queue = new QueueStorage(store, () => null);
            await new StoreMigrator(store, new StoreReadiness(), NullLogger<StoreMigrator>.Instance).MigrateAsync(
                token => Task.Run(queue.Install, token),
                CancellationToken.None);
        }
        await database.CloseAsync();
        return database;
    }
}
