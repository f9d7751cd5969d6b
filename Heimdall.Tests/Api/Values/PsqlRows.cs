namespace Heimdall.Tests.Api.Values;

/// <summary>What psql shows of a query; NULL is null.</summary>
internal sealed record PsqlRows(IReadOnlyList<PsqlColumn> Columns, IReadOnlyList<string?[]> Rows);
