namespace Heimdall.Api.Formats;

/// <summary>What comes before the columns of a result.</summary>
internal sealed record ResultOpening
{
    /// <summary>Members of a JSON object that say whose result it is, without the braces; left out by formats that have no place for them.</summary>
    public Func<byte[]> Members { get; init; } = () => [];

    /// <summary>True to have <c>columns</c> and <c>data</c> of a JSON document in a member <c>result</c> of their own.</summary>
    public bool IsNested { get; init; } = true;

    /// <summary>Whether a limit has cut the result; null where that is known at its end only.</summary>
    public bool? IsTruncated { get; init; }

    /// <summary>Called right before the first bytes are sent.</summary>
    public Action OnFirstSend { get; init; } = () => { };
}
