namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>A column as a RowDescription has it.</summary>
/// <param name="Name">As the statement gives it.</param>
/// <param name="Type">The OID of its type; of a domain, that of the type under it.</param>
/// <param name="Modifier">What was declared with the type, such as its precision; -1 for nothing.</param>
internal readonly record struct DescribedColumn(string Name, uint Type, int Modifier);
