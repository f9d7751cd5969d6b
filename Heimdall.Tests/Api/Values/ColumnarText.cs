using System.Buffers;
using System.Globalization;
using System.Numerics;
using Apache.Arrow;
using Apache.Arrow.Arrays;
using Apache.Arrow.Types;

namespace Heimdall.Tests.Api.Values;

/// <summary>
/// Columns as other programs read them, written as PostgreSQL would: dates by .NET's calendar where that has them, and
/// else counted year by year, so that nothing here is what Heimdall does the other way round.
/// </summary>
internal static class ColumnarText
{
    private const long MicrosecondsOfDay = 86_400_000_000;
    private const int DaysOf400Years = 146_097;

    private static readonly SearchValues<char> _quoted = SearchValues.Create("{},\"\\ \t\n\r\v\f");
    private static readonly DateOnly _start = new(1970, 1, 1);

    public static string? Of(IArrowArray array, int row) => array.IsNull(row) ? null : array switch
    {
        BooleanArray values => values.GetValue(row)!.Value ? "t" : "f",
        Int16Array values => Text(values.GetValue(row)!.Value),
        Int32Array values => Text(values.GetValue(row)!.Value),
        Int64Array values => Text(values.GetValue(row)!.Value),
        UInt32Array values => Text(values.GetValue(row)!.Value),
        FloatArray values => Text(values.GetValue(row)!.Value),
        DoubleArray values => Text(values.GetValue(row)!.Value),
        Decimal128Array values => OfDecimal(values, row, ((Decimal128Type)values.Data.DataType).Scale),
        Decimal256Array values => OfDecimal(values, row, ((Decimal256Type)values.Data.DataType).Scale),
        Date32Array values => OfDate(values.GetValue(row)!.Value),
        Time64Array values => OfTime(values.GetValue(row)!.Value),
        TimestampArray values => OfTimestamp(values.GetValue(row)!.Value, ((TimestampType)values.Data.DataType).Timezone),
        StringArray values => values.GetString(row),
        BinaryArray values => $"\\x{Convert.ToHexStringLower(values.GetBytes(row))}",
        FixedSizeBinaryArray values => new Guid(values.GetBytes(row), bigEndian: true).ToString(),
        ListArray values => OfList(values, row),
        ExtensionArray values => Of(values.Storage, row),
        _ => throw new NotSupportedException($"No test reads {array.GetType().Name}."),
    };

    private static string OfList(ListArray lists, int row)
    {
        var items = lists.Values;
        var (first, end) = (lists.ValueOffsets[row], lists.ValueOffsets[row + 1]);
        return $"{{{string.Join(',', Enumerable.Range(first, end - first).Select(i => Quote(Of(items, i))))}}}";
    }

    private static string Quote(string? item) => item switch
    {
        null => "NULL",
        "" => "\"\"",
        _ when item.Equals("NULL", StringComparison.OrdinalIgnoreCase)
            || item.AsSpan().ContainsAny(_quoted) =>
            $"\"{item.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
        _ => item,
    };

    private static string OfDecimal(FixedSizeBinaryArray values, int row, int scale)
    {
        var number = new BigInteger(values.GetBytes(row));
        var digits = BigInteger.Abs(number).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        var text = scale == 0 ? digits : $"{digits[..^scale]}.{digits[^scale..]}";
        return number.Sign < 0 ? $"-{text}" : text;
    }

    private static string OfDate(int days) => days switch
    {
        int.MaxValue => "infinity",
        int.MinValue => "-infinity",
        _ => OfDay(days) is var (day, isBefore) ? isBefore ? $"{day} BC" : day : "",
    };

    private static string OfTimestamp(long microseconds, string? zone)
    {
        if (microseconds is long.MaxValue or long.MinValue)
        {
            return microseconds > 0 ? "infinity" : "-infinity";
        }
        var days = (long)Math.Floor((decimal)microseconds / MicrosecondsOfDay);
        var (day, isBefore) = OfDay(days);
        var offset = zone == "UTC" ? "+00" : zone is null ? "" : throw new NotSupportedException(zone);
        return $"{day} {OfTime(microseconds - (days * MicrosecondsOfDay))}{offset}{(isBefore ? " BC" : "")}";
    }

    private static string OfTime(long microseconds)
    {
        var (seconds, fraction) = Math.DivRem(microseconds, 1_000_000);
        var time = string.Create(
            CultureInfo.InvariantCulture, $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}");
        return fraction == 0 ? time : $"{time}.{fraction.ToString("000000", CultureInfo.InvariantCulture).TrimEnd('0')}";
    }

    /// <summary>Years repeat after 400 of them: a day that .NET does not have is moved to where it has it.</summary>
    private static (string Day, bool IsBefore) OfDay(long days)
    {
        var eras = 0L;
        for (; days < DateOnly.MinValue.DayNumber - _start.DayNumber; days += DaysOf400Years)
        {
            eras--;
        }
        for (; days > DateOnly.MaxValue.DayNumber - _start.DayNumber; days -= DaysOf400Years)
        {
            eras++;
        }
        var day = _start.AddDays((int)days);
        var year = day.Year + (eras * 400);
        var isBefore = year <= 0;
        return (
            string.Create(CultureInfo.InvariantCulture, $"{(isBefore ? 1 - year : year):0000}-{day:MM-dd}"), isBefore);
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
