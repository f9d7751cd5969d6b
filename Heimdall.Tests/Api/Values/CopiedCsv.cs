using Npgsql;

namespace Heimdall.Tests.Api.Values;

/// <summary>CSV as PostgreSQL reads it.</summary>
internal static class CopiedCsv
{
    /// <summary>A table has no more.</summary>
    public const int MaxColumns = 1600;

    public static async Task<List<string?[]>> ReadAsync(NpgsqlDataSource database, string csv, int columns, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var list = string.Join(", ", Enumerable.Range(1, columns).Select(i => $"c{i} text"));
        await using (var create = new NpgsqlCommand($"create temp table csv ({list}) on commit drop", connection))
        {
            await create.ExecuteNonQueryAsync(cancellationToken);
        }
        await using (var copy = await connection.BeginTextImportAsync("copy csv from stdin (format csv, header)", cancellationToken))
        {
            await copy.WriteAsync(csv.AsMemory(), cancellationToken);
        }
        await using var select = new NpgsqlCommand("select * from csv", connection);
        await using var row = await select.ExecuteReaderAsync(cancellationToken);
        var rows = new List<string?[]>();
        while (await row.ReadAsync(cancellationToken))
        {
            rows.Add([.. Enumerable.Range(0, columns).Select(i => row.IsDBNull(i) ? null : row.GetString(i))]);
        }
        return rows;
    }
}
