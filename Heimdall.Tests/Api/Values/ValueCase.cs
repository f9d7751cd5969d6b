namespace Heimdall.Tests.Api.Values;

/// <summary>A query whose rows Heimdall has to serve as psql shows them.</summary>
internal sealed record ValueCase
{
    public required string Name { get; init; }

    public required string Query { get; init; }

    /// <summary>Of a case that is about one value: what makes it.</summary>
    public string? Expression { get; init; }

    /// <summary>The value in one row and NULL in another.</summary>
    public static ValueCase OfExpression(string name, string expression) => new() { Name = name, Query = Together([("value", expression)]), Expression = expression };

    public static ValueCase OfQuery(string name, string query) => new() { Name = name, Query = query };

    /// <summary>Many values side by side, each under its case's name.</summary>
    public static ValueCase OfAll(string name, IEnumerable<ValueCase> cases) => OfQuery(name, Together(cases.Select(one => (one.Name, one.Expression!))));

    private static string Together(IEnumerable<(string Column, string Expression)> values) =>
        $"select {string.Join(", ", values.Select(value => $"case when i = 1 then {value.Expression} end as \"{value.Column}\""))} from generate_series(1, 2) i";
}
