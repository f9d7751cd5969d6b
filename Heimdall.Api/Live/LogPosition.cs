using System.Globalization;

namespace Heimdall.Api.Live;

/// <summary>How much of a job's log a reader has seen: all lines of earlier pieces, and some of one. Written <c>12.3</c>.</summary>
/// <param name="Piece">The piece; 0 before the first.</param>
/// <param name="Lines">How many of its lines.</param>
internal readonly record struct LogPosition(long Piece, int Lines)
{
    public static bool TryParse(string text, out LogPosition position)
    {
        position = default;
        if (text.Split('.') is not [var piece, var lines]
            || !long.TryParse(piece, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || !int.TryParse(lines, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            return false;
        }
        position = new LogPosition(number, count);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Piece}.{Lines}");
}
