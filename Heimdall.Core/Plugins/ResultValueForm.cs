namespace Heimdall.Core.Plugins;

/// <summary>What the text of each value of a column reads back as, for formats that have such types.</summary>
/// <param name="Shape">What it is.</param>
/// <param name="Precision">Of a decimal: how many digits it has at most.</param>
/// <param name="Scale">Of a decimal: how many of them stand behind the point.</param>
/// <param name="IsList">Whether each value is an array of such values, as PostgreSQL writes arrays.</param>
public sealed record ResultValueForm(ResultValueShape Shape, int Precision = 0, int Scale = 0, bool IsList = false);

/// <summary>
/// Shapes of values. Dates and times are in ISO form. The numbers are stored with results: none is given to another.
/// </summary>
public enum ResultValueShape
{
    /// <summary>The text itself.</summary>
    Text = 0,

    Boolean = 1,

    Whole16 = 2,

    Whole32 = 3,

    Whole64 = 4,

    /// <summary>A whole number of 32 bits without a sign.</summary>
    Natural32 = 5,

    Real32 = 6,

    Real64 = 7,

    /// <summary>A number of a fixed scale, or <c>NaN</c>.</summary>
    Exact = 8,

    /// <summary>A day, or <c>infinity</c>.</summary>
    Date = 9,

    /// <summary>A time of day in microseconds, up to 24:00:00.</summary>
    Time = 10,

    /// <summary>A day and a time in no zone, or <c>infinity</c>.</summary>
    LocalTimestamp = 11,

    /// <summary>A moment, with its offset from UTC, or <c>infinity</c>.</summary>
    Moment = 12,

    /// <summary>Bytes in hex, after <c>\x</c>.</summary>
    Bytes = 13,

    Uuid = 14,

    /// <summary>A JSON text.</summary>
    Json = 15,
}
