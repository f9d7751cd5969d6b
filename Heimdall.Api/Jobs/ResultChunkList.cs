using Heimdall.Api.Descriptions;

namespace Heimdall.Api.Jobs;

/// <summary>
/// The chunks of a stored result in one format: clients read them side by side, and see that each is what it was.
/// </summary>
internal sealed record ResultChunkList
{
    /// <summary>Rows of a chunk, unless the caller says otherwise.</summary>
    public const int StandardRows = 100_000;

    /// <summary>Chunks that a list has at most: each is written to be measured.</summary>
    public const int MostChunks = 1_000;

    public required Guid Id { get; init; }

    /// <summary>What the chunks are sent as.</summary>
    public required string Format { get; init; }

    public required string MediaType { get; init; }

    /// <summary>Rows of the result.</summary>
    public required long TotalRows { get; init; }

    /// <summary>Whether a limit has cut the result.</summary>
    public required bool Truncated { get; init; }

    public required DateTime ExpiresAt { get; init; }

    public required IReadOnlyList<ResultChunkView> Chunks { get; init; }
}

/// <summary>Some rows of a stored result.</summary>
internal sealed record ResultChunkView
{
    /// <summary>Rows before it.</summary>
    public required long Offset { get; init; }

    public required long RowCount { get; init; }

    /// <summary>Bytes of its reply, without a Content-Encoding.</summary>
    public required long Bytes { get; init; }

    /// <summary>Of these bytes, in hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Its address.</summary>
    public required string Href { get; init; }
}
