using Hangfire.Common;
using Hangfire.Storage;
using Heimdall.Core.Database;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Queue.Storage;

/// <summary>Reads entries with the id of their state, which tells one state of an entry from all others.</summary>
internal sealed class EntryRows(StoreDatabase database)
{
    private readonly string _findSql = $"""
        select invocationdata::text, arguments::text, statename, createdat, stateid
        from "{database.HangfireSchema}".job where id = $1
        """;

    private readonly string _lockSql = $"""
        with entry as materialized (
            select stateid from "{database.HangfireSchema}".job where id = $1 for no key update skip locked)
        select exists (select from entry where stateid is not distinct from $2),
            {EntryWriter.HasStockServer(database.HangfireSchema)}
        """;

    /// <returns>Null when there is no such entry.</returns>
    public KnownEntry? Find(long id)
    {
        using var command = database.Entries.CreateCommand(_findSql);
        command.Parameters.Add(new() { Value = id });
        using var row = command.ExecuteReader();
        if (!row.Read())
        {
            return null;
        }
        var invocation = SerializationHelper.Deserialize<InvocationData>(row.GetString(0));
        invocation.Arguments = row.GetString(1);
        var state = row.IsDBNull(2) ? null : row.GetString(2);
        var entry = new KnownEntry(null, state, row.GetDateTime(3), row.IsDBNull(4) ? null : row.GetInt64(4));
        try
        {
            return entry with { Call = invocation.DeserializeJob() };
        }
        catch (JobLoadException exception)
        {
            return entry with { LoadException = exception };
        }
    }

    /// <summary>
    /// Locks the row of an entry until the end of a transaction. One that is locked counts as changed.
    /// </summary>
    /// <returns>
    /// Whether the entry still has the state that it had when it was read, and whether a server on the stock storage
    /// lives.
    /// </returns>
    public (bool IsAsRead, bool HasStockServer) Lock(NpgsqlConnection connection, long id, long? stateId)
    {
        using var command = new NpgsqlCommand(_lockSql, connection)
        {
            Parameters =
            {
                new() { Value = id },
                new() { Value = (object?)stateId ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
            },
        };
        using var row = command.ExecuteReader();
        row.Read();
        return (row.GetBoolean(0), row.GetBoolean(1));
    }
}

/// <summary>Hangfire's row of a job.</summary>
internal sealed record KnownEntry(Job? Call, string? State, DateTime CreatedAt, long? StateId)
{
    /// <summary>Why there is no call.</summary>
    public JobLoadException? LoadException { get; init; }

    /// <summary>True when it was not read: the id of the state with which it was made is not known.</summary>
    public bool IsAsMade { get; init; }

    /// <summary>As Hangfire wants it. Its parameters are read by those who ask for them.</summary>
    public JobData ToJobData() =>
        new() { Job = Call, State = State, CreatedAt = CreatedAt, LoadException = LoadException };
}
