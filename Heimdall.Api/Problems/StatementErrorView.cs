using Heimdall.Core.Plugins;

namespace Heimdall.Api.Problems;

/// <summary>A failing statement as callers see it.</summary>
internal sealed record StatementErrorView
{
    /// <summary>Of an error that a parent tells of one of its children.</summary>
    public string? Cluster { get; init; }

    public int? Statement { get; init; }

    public string? File { get; init; }

    public long? Line { get; init; }

    public int? Column { get; init; }

    public string? Sqlstate { get; init; }

    public required string Message { get; init; }

    public string? Detail { get; init; }

    public string? Hint { get; init; }

    public string? Context { get; init; }

    public static StatementErrorView Of(StatementError error) => new()
    {
        Cluster = error.ClusterId,
        Statement = error.Statement,
        File = error.File,
        Line = error.Line,
        Column = error.Column,
        Sqlstate = error.SqlState,
        Message = error.Message,
        Detail = error.Detail,
        Hint = error.Hint,
        Context = error.Context,
    };
}
