namespace Heimdall.Core.Plugins;

/// <summary>A column of a result.</summary>
/// <param name="Name">As the database gives it: may be empty, and two columns may share it.</param>
/// <param name="Type">The database's own name of the type: <c>int8</c>, <c>timestamptz</c>, <c>text[]</c>.</param>
/// <param name="Kind">How its values may be written down.</param>
public sealed record ResultColumn(string Name, string Type, ResultValueKind Kind)
{
    /// <summary>What its values read back as; null where they are nothing but text.</summary>
    public ResultValueForm? Form { get; init; }
}
