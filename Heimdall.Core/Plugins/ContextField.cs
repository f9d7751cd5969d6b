namespace Heimdall.Core.Plugins;

/// <summary>A field of a job's context, as the OpenAPI document shows it.</summary>
/// <param name="Name">As it is spelled.</param>
/// <param name="Kind">What its value is.</param>
/// <param name="Meaning">In a few words, for callers.</param>
public sealed record ContextField(string Name, ContextFieldKind Kind, string Meaning)
{
    /// <summary>The values that the field takes, where its kind is <see cref="ContextFieldKind.Word"/>.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    public bool IsRequired { get; init; }
}

/// <summary>What the value of a field is.</summary>
public enum ContextFieldKind
{
    Text,

    /// <summary>True or false.</summary>
    Flag,

    /// <summary>A whole number above 0.</summary>
    Count,

    /// <summary>A number above 0, which need not be whole.</summary>
    Seconds,

    /// <summary>A value of an enumeration.</summary>
    Word,

    /// <summary>An object of texts, numbers and truth values.</summary>
    Texts,

    /// <summary>An array or an object.</summary>
    Values,
}
