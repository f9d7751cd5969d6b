using System.Xml.Linq;
using Heimdall.Core.Database;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Heimdall.Core.Secrets;

/// <summary>
/// The <c>dashboard_key</c> table: the key ring. It was made for the forms of the dashboard, and versions that know no
/// other use of it run beside this one. No key is ever taken out: what it encrypted is read as long as it is there.
/// </summary>
internal sealed class KeyRingStore(StoreDatabase database) : IXmlRepository
{
    private const string SelectSql = "select xml from dashboard_key order by created_at";

    private const string InsertSql = "insert into dashboard_key (name, xml) values ($1, $2) on conflict (name) do update set xml = excluded.xml";

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var command = database.DataSource.CreateCommand(SelectSql);
        using var row = command.ExecuteReader();
        var keys = new List<XElement>();
        while (row.Read())
        {
            keys.Add(XElement.Parse(row.GetString(0)));
        }
        return keys;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        using var command = database.DataSource.CreateCommand(InsertSql);
        command.Parameters.Add(new() { Value = friendlyName });
        command.Parameters.Add(new() { Value = element.ToString(SaveOptions.DisableFormatting) });
        command.ExecuteNonQuery();
    }
}
