using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>Looks for a text in every row of both schemas.</summary>
internal static class StoreSearch
{
    /// <returns>The tables with a row that holds it anywhere, in whatever letters.</returns>
    public static async Task<IReadOnlyList<string>> FindAsync(
        TestDatabase store, string text, CancellationToken cancellationToken)
    {
        var tables = await store.ColumnAsync<string>(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('heimdall', 'hangfire')",
            cancellationToken);
        Assert.That(tables, Has.Count.GreaterThan(10));
        var found = new List<string>();
        foreach (var table in tables)
        {
            if (await store.ScalarAsync<bool>(
                $"select exists (select from {table} t where strpos(lower(t::text), lower($1)) > 0)",
                    cancellationToken, text))
            {
                found.Add(table);
            }
        }
        return found;
    }
}
