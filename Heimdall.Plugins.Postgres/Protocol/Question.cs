namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>A statement whose few rows are wanted as text.</summary>
/// <param name="Sql">One statement.</param>
/// <param name="Values">Of its parameters, as text; null for NULL.</param>
internal readonly record struct Question(string Sql, params string?[] Values)
{
    public static implicit operator Question(string sql) => new(sql);
}
