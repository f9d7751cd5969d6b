namespace Heimdall.Tests.Api.Values;

/// <param name="Oid">Of the type.</param>
/// <param name="Type">The type's name in pg_type, of an array that of its elements with <c>[]</c>.</param>
internal sealed record PsqlColumn(string Name, uint Oid, string Type);
