using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Queries;

/// <summary>The table that all queries read: ten columns of as many types, the same in every run.</summary>
internal static class QueryTable
{
    private const string Label = "queries";

    // Some quotes, backslashes and nulls, as texts have them; numbers are spread by multiplying with primes.
    private const string Sql = """
        create table t as
            select id::int as id,
                id * 7919 as account,
                ((id * 104729) % 10000000 / 100.0)::numeric(12, 2) as amount,
                case when id % 10 = 0 then null
                    when id % 16 = 0 then 'a "quoted" name \ number ' || id
                    else 'name of customer number ' || id end as name,
                timestamptz '2024-01-01 00:00:00+00' + id * interval '37.123457 seconds' as created_at,
                date '2000-01-01' + (id % 9000)::int as day,
                id % 3 = 0 as is_open,
                md5(id::text)::uuid as key,
                jsonb_build_object('id', id, 'tags', jsonb_build_array('red', 'green')) as details,
                sqrt(id) as weight
            from generate_series(1, {rows}::bigint) as id
        """;

    /// <returns>A database with the table, read once.</returns>
    public static async Task<BenchDatabase> CreateAsync(PostgresServer server, int rows, CancellationToken cancellationToken)
    {
        await Console.Error.WriteLineAsync($"making a table of {rows} rows …");
        var database = await server.CreateDatabaseAsync(Label, cancellationToken);
        try
        {
            await database.ExecuteAsync(Sql.Replace("{rows}", $"{rows}", StringComparison.Ordinal), cancellationToken);
            await database.ExecuteAsync("alter table t add primary key (id)", cancellationToken);
            await database.ExecuteAsync("vacuum (analyze) t", cancellationToken);
            await database.CountAsync("select sum(length(t::text)) from t", cancellationToken);
            await server.CheckpointAsync(cancellationToken);
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }
}
