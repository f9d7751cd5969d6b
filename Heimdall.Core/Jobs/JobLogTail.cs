using System.Text;

namespace Heimdall.Core.Jobs;

/// <summary>The end of a job's log.</summary>
/// <param name="Newest">Its pieces, as they were written; of the first it may be only the last lines.</param>
/// <param name="IsCut">Whether there is more before it.</param>
public sealed record JobLogTail(IReadOnlyList<JobLogPiece> Newest, bool IsCut)
{
    /// <summary>However small they are.</summary>
    internal const int MostPieces = 1000;

    /// <param name="pieces">The newest, in their order; all but the first together are fewer bytes than are wanted.</param>
    /// <param name="bytes">How much of them is wanted.</param>
    /// <param name="isCut">Whether there are more before them.</param>
    internal static JobLogTail Of(List<JobLogPiece> pieces, int bytes, bool isCut)
    {
        if (pieces.Count > MostPieces)
        {
            pieces.RemoveAt(0);
            isCut = true;
        }
        var tooMany = pieces.Sum(piece => Encoding.UTF8.GetByteCount(piece.Lines)) - bytes;
        if (tooMany <= 0)
        {
            return new JobLogTail(pieces, isCut);
        }
        var rest = WithoutBeginning(Encoding.UTF8.GetBytes(pieces[0].Lines), tooMany, isAlone: pieces.Count == 1);
        if (rest.Length > 0)
        {
            pieces[0] = pieces[0] with { Lines = rest };
        }
        else
        {
            pieces.RemoveAt(0);
        }
        return new JobLogTail(pieces, IsCut: true);
    }

    /// <summary>Leaves out some bytes and the rest of the line that they end in. Of one line alone its end is better than nothing.</summary>
    private static string WithoutBeginning(byte[] lines, int bytes, bool isAlone)
    {
        var start = Array.IndexOf(lines, (byte)'\n', bytes - 1) + 1;
        if (start == lines.Length && isAlone)
        {
            start = bytes;
            while (start < lines.Length && (lines[start] & 0xC0) == 0x80) // within a character
            {
                start++;
            }
        }
        return Encoding.UTF8.GetString(lines.AsSpan(start));
    }
}
