using Heimdall.Core.Database;

namespace Heimdall.Core.Audit;

/// <summary>The <c>api_key_use</c> table: when each API key was last used, and from where.</summary>
public sealed class KeyUseStore(StoreDatabase database)
{
    // In the order of the keys, so that two processes do not wait for each other in a circle.
    private const string WriteSql = """
        insert into api_key_use (key, "user", last_used_at, address)
        select key, used_by, clock_timestamp() - age, address
        from unnest($1, $2, $3, $4) as used (key, used_by, age, address)
        order by key
        on conflict (key) do update set "user" = excluded."user", last_used_at = excluded.last_used_at,
            address = excluded.address
        where api_key_use.last_used_at < excluded.last_used_at
        """;

    private const string ForgetSql = "delete from api_key_use where last_used_at < now() - $1";

    private const string ReadSql = "select key, last_used_at, address from api_key_use";

    /// <summary>Notes uses. The time is the store's; of what another process has noted the later one counts.</summary>
    /// <param name="uses">Each key at most once.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    public async Task WriteAsync(IReadOnlyList<KeyUse> uses, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(WriteSql);
        object[] columns =
        [
            uses.Select(use => use.Key).ToArray(), uses.Select(use => use.User).ToArray(),
            uses.Select(use => use.Age).ToArray(), uses.Select(use => use.Address).ToArray(),
        ];
        foreach (var column in columns)
        {
            command.Parameters.Add(new() { Value = column });
        }
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Deletes what is known of keys that nobody has used for long: most are in no file any more.</summary>
    /// <returns>How many they were.</returns>
    internal async Task<long> ForgetAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ForgetSql);
        command.Parameters.Add(new() { Value = age });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The last use of each key, by the key.</summary>
    public async Task<IReadOnlyDictionary<string, LastKeyUse>> ReadAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ReadSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var uses = new Dictionary<string, LastKeyUse>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            uses[row.GetString(0)] = new LastKeyUse(row.GetDateTime(1), row.IsDBNull(2) ? null : row.GetString(2));
        }
        return uses;
    }
}

/// <summary>A key was used.</summary>
/// <param name="Key">Which: a hash of what is configured of it.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Age">How long ago.</param>
/// <param name="Address">From where; null: not known.</param>
public sealed record KeyUse(string Key, string User, TimeSpan Age, string? Address);

/// <summary>When a key was last used.</summary>
/// <param name="At">By the store's clock.</param>
/// <param name="Address">From where; null: not known.</param>
public sealed record LastKeyUse(DateTime At, string? Address);
