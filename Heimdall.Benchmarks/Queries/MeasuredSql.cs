using System.Globalization;
using System.Text.Json.Nodes;

namespace Heimdall.Benchmarks.Queries;

/// <summary>What is asked of <see cref="QueryTable"/>.</summary>
internal static class MeasuredSql
{
    public const string All = "select * from t";

    public const string One = "select 1";

    public const string Lookup = "select * from t where id = $1";

    public static string Multiple(int times) => string.Create(CultureInfo.InvariantCulture, $"select t.* from t, generate_series(1, {times})");

    public static string First(int rows) => string.Create(CultureInfo.InvariantCulture, $"select * from t limit {rows}");

    /// <summary>The context of a job that answers with rows.</summary>
    public static JsonObject ContextOf(string sql, params IEnumerable<int> parameters)
    {
        var context = new JsonObject { ["query"] = sql, ["return_result"] = true };
        if (parameters.ToArray() is { Length: > 0 } values)
        {
            context["parameters"] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]);
        }
        return context;
    }
}
