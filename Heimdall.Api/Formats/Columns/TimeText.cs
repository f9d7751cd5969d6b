using System.Buffers.Text;

namespace Heimdall.Api.Formats.Columns;

/// <summary>
/// Reads dates and times in ISO form as days or microseconds since 1970, in the whole range of PostgreSQL.
/// <c>infinity</c> is the highest number of its type and <c>-infinity</c> the lowest, as in PostgreSQL itself.
/// </summary>
internal static class TimeText
{
    private const long MicrosecondsOfDay = 86_400_000_000;
    private const int DaysOfEra = 146_097; // 400 years
    private const int DaysBefore1970 = 719_468; // from 0000-03-01

    public static bool TryReadDate(ReadOnlySpan<byte> text, out int days)
    {
        if (TryReadInfinity(text, out var isNegative))
        {
            days = isNegative ? int.MinValue : int.MaxValue;
            return true;
        }
        var isBefore = TakeEra(ref text);
        return TryTakeDate(ref text, isBefore, out days) && text.IsEmpty;
    }

    public static bool TryReadTime(ReadOnlySpan<byte> text, out long microseconds) =>
        TryTakeTime(ref text, out microseconds) && text.IsEmpty && microseconds < MicrosecondsOfDay;

    public static bool TryReadTimestamp(ReadOnlySpan<byte> text, out long microseconds) =>
        TryReadTimestamp(text, hasOffset: false, out microseconds);

    /// <summary>In UTC.</summary>
    public static bool TryReadMoment(ReadOnlySpan<byte> text, out long microseconds) =>
        TryReadTimestamp(text, hasOffset: true, out microseconds);

    private static bool TryReadTimestamp(ReadOnlySpan<byte> text, bool hasOffset, out long microseconds)
    {
        if (TryReadInfinity(text, out var isNegative))
        {
            microseconds = isNegative ? long.MinValue : long.MaxValue;
            return true;
        }
        microseconds = 0;
        var isBefore = TakeEra(ref text);
        if (!TryTakeDate(ref text, isBefore, out var days) || text is not [(byte)' ' or (byte)'T', .. var time]
            || !TryTakeTime(ref time, out var ofDay))
        {
            return false;
        }
        long offset = 0;
        if (hasOffset ? !TryTakeOffset(ref time, out offset) || !time.IsEmpty : !time.IsEmpty)
        {
            return false;
        }
        var moment = ((Int128)days * MicrosecondsOfDay) + ofDay - offset;
        microseconds = (long)Int128.Clamp(moment, long.MinValue, long.MaxValue);
        return moment > long.MinValue && moment < long.MaxValue;
    }

    private static bool TryReadInfinity(ReadOnlySpan<byte> text, out bool isNegative)
    {
        isNegative = text.SequenceEqual("-infinity"u8);
        return isNegative || text.SequenceEqual("infinity"u8);
    }

    private static bool TakeEra(ref ReadOnlySpan<byte> text)
    {
        if (!text.EndsWith(" BC"u8))
        {
            return false;
        }
        text = text[..^3];
        return true;
    }

    private static bool TryTakeDate(ref ReadOnlySpan<byte> text, bool isBefore, out int days)
    {
        days = 0;
        if (!TryTakeNumber(ref text, leastDigits: 4, out var year) || !TryTake(ref text, '-')
            || !TryTakeNumber(ref text, leastDigits: 2, out var month) || !TryTake(ref text, '-')
            || !TryTakeNumber(ref text, leastDigits: 2, out var day) || month is < 1 or > 12 || day is < 1 or > 31)
        {
            return false;
        }
        // Years begin in March, so that a leap day is the last of its year, and 400 of them are an era.
        long shifted = (isBefore ? 1 - year : year) - (month <= 2 ? 1 : 0);
        var era = (shifted >= 0 ? shifted : shifted - 399) / 400;
        var yearOfEra = shifted - (era * 400);
        var dayOfYear = (((153 * (month + (month > 2 ? -3 : 9))) + 2) / 5) + day - 1;
        var dayOfEra = (yearOfEra * 365) + (yearOfEra / 4) - (yearOfEra / 100) + dayOfYear;
        days = (int)((era * DaysOfEra) + dayOfEra - DaysBefore1970);
        return true;
    }

    private static bool TryTakeTime(ref ReadOnlySpan<byte> text, out long microseconds)
    {
        microseconds = 0;
        if (!TryTakeNumber(ref text, leastDigits: 2, out var hours) || !TryTake(ref text, ':')
            || !TryTakeNumber(ref text, leastDigits: 2, out var minutes) || !TryTake(ref text, ':')
            || !TryTakeNumber(ref text, leastDigits: 2, out var seconds))
        {
            return false;
        }
        microseconds = ((((hours * 60L) + minutes) * 60) + seconds) * 1_000_000;
        if (!TryTake(ref text, '.'))
        {
            return true;
        }
        var before = text.Length;
        if (!TryTakeNumber(ref text, leastDigits: 1, out var fraction) || before - text.Length > 6)
        {
            return false;
        }
        for (var digits = before - text.Length; digits < 6; digits++)
        {
            fraction *= 10;
        }
        microseconds += fraction;
        return true;
    }

    private static bool TryTakeOffset(ref ReadOnlySpan<byte> text, out long microseconds)
    {
        microseconds = 0;
        if (TryTake(ref text, 'Z'))
        {
            return true;
        }
        var isNegative = TryTake(ref text, '-');
        if ((!isNegative && !TryTake(ref text, '+')) || !TryTakeNumber(ref text, leastDigits: 2, out var hours))
        {
            return false;
        }
        var (minutes, seconds) = (0, 0);
        if (TryTake(ref text, ':') && (!TryTakeNumber(ref text, leastDigits: 2, out minutes)
            || (TryTake(ref text, ':') && !TryTakeNumber(ref text, leastDigits: 2, out seconds))))
        {
            return false;
        }
        microseconds = ((((hours * 60L) + minutes) * 60) + seconds) * (isNegative ? -1_000_000 : 1_000_000);
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> text, char sign)
    {
        if (text.IsEmpty || text[0] != sign)
        {
            return false;
        }
        text = text[1..];
        return true;
    }

    private static bool TryTakeNumber(ref ReadOnlySpan<byte> text, int leastDigits, out int number)
    {
        var end = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        var digits = end < 0 ? text : text[..end];
        text = text[digits.Length..];
        number = 0;
        return digits.Length >= leastDigits && Utf8Parser.TryParse(digits, out number, out _);
    }
}
