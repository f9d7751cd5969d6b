using Heimdall.Core.Database;

namespace Heimdall.Api.Dashboard;

/// <summary>The <c>dashboard_key</c> table.</summary>
internal sealed class DashboardKeyStore(StoreDatabase database)
{
    private const string SelectSql = "select xml from dashboard_key order by created_at";

    private const string InsertSql = "insert into dashboard_key (name, xml) values ($1, $2) on conflict (name) do update set xml = excluded.xml";

    public IReadOnlyList<string> ReadAll()
    {
        using var command = database.DataSource.CreateCommand(SelectSql);
        using var row = command.ExecuteReader();
        var keys = new List<string>();
        while (row.Read())
        {
            keys.Add(row.GetString(0));
        }
        return keys;
    }

    public void Write(string name, string xml)
    {
        using var command = database.DataSource.CreateCommand(InsertSql);
        command.Parameters.Add(new() { Value = name });
        command.Parameters.Add(new() { Value = xml });
        command.ExecuteNonQuery();
    }
}
