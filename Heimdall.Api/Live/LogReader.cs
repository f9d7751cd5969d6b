using System.Runtime.CompilerServices;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Live;

/// <summary>The lines of a job's log behind a position.</summary>
internal sealed class LogReader(JobLogStore logs, Guid jobId, IReadOnlyList<JobLogStream> streams, LogPosition position)
{
    private const int PiecesAtOnce = 100;

    /// <summary>How far it has read.</summary>
    public LogPosition Position { get; private set; } = position;

    /// <summary>What has been written since, up to a piece that is known to be there.</summary>
    public async IAsyncEnumerable<(JobLogStream Stream, string Line)> ReadAsync(long lastPiece, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A piece of which only some lines have been seen is read again.
        var seen = Position.Piece == 0 ? 0 : Position.Piece - 1;
        while (seen < lastPiece)
        {
            var pieces = await logs.ReadAfterAsync(jobId, streams, seen, PiecesAtOnce, cancellationToken);
            foreach (var piece in pieces)
            {
                var lines = piece.Split();
                for (var i = piece.Number == Position.Piece ? Position.Lines : 0; i < lines.Length; i++)
                {
                    Position = new LogPosition(piece.Number, i + 1);
                    yield return (piece.Stream, lines[i]);
                }
                seen = piece.Number;
            }
            if (pieces.Count == 0)
            {
                yield break;
            }
        }
    }
}
