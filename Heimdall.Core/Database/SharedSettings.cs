namespace Heimdall.Core.Database;

/// <summary>Refuses to go on where this process's configuration is not that of the store.</summary>
internal sealed class SharedSettings(StoreDatabase database) : IStorePreparation
{
    private const string HangfireSchema = "database.hangfire_schema";

    // The first process of a store says what holds.
    private const string ShareSql = """
        with added as (
            insert into shared_setting (name, value) values ($1, $2) on conflict do nothing returning value)
        select value from added union all select value from shared_setting where name = $1 limit 1
        """;

    /// <exception cref="StoreServerException">The entries of the same jobs would lie in two places.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ShareSql);
        command.Parameters.Add(new() { Value = HangfireSchema });
        command.Parameters.Add(new() { Value = database.HangfireSchema });
        if (await command.ExecuteScalarAsync(cancellationToken) is string shared && shared != database.HangfireSchema)
        {
            throw new StoreServerException(
                $"{HangfireSchema} is '{database.HangfireSchema}' in this process's configuration, and '{shared}' in "
                + $"all others of the schema '{database.Schema}'. "
                + $"It must be '{shared}' here too, or database.schema another one.");
        }
    }
}
