namespace Heimdall.Core.Jobs;

/// <summary>The two streams of a job's run log.</summary>
public enum JobLogStream
{
    /// <summary>What was done, one line a statement.</summary>
    Stdout,

    /// <summary>Notices and errors.</summary>
    Stderr,
}

/// <summary>A piece of a log: what a runner wrote at one time.</summary>
/// <param name="Number">Grows from piece to piece of a job, over both streams.</param>
/// <param name="Stream">Which log.</param>
/// <param name="Lines">Each with its line feed.</param>
public sealed record JobLogPiece(long Number, JobLogStream Stream, string Lines)
{
    /// <summary>The lines without their line feeds; an empty one at the end is a line, too.</summary>
    public string[] Split() => (Lines.EndsWith('\n') ? Lines[..^1] : Lines).Split('\n');
}
