using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Heimdall.Api.Formats.Columns;

/// <summary>Reads numbers, each digit of them.</summary>
internal static class NumberText
{
    /// <summary>Digits that a decimal of 128 bits always holds.</summary>
    public const int DigitsOf128 = 38;

    /// <summary>Digits that a decimal of 256 bits always holds.</summary>
    public const int DigitsOf256 = 76;

    public static bool TryRead(ReadOnlySpan<byte> text, out short value) =>
        Utf8Parser.TryParse(text, out value, out var read) && read == text.Length;

    public static bool TryRead(ReadOnlySpan<byte> text, out int value) =>
        Utf8Parser.TryParse(text, out value, out var read) && read == text.Length;

    public static bool TryRead(ReadOnlySpan<byte> text, out long value) =>
        Utf8Parser.TryParse(text, out value, out var read) && read == text.Length;

    public static bool TryRead(ReadOnlySpan<byte> text, out uint value) =>
        Utf8Parser.TryParse(text, out value, out var read) && read == text.Length;

    public static bool TryRead(ReadOnlySpan<byte> text, out float value) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);

    public static bool TryRead(ReadOnlySpan<byte> text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);

    /// <summary>Reads decimals of a scale as whole numbers of their last place.</summary>
    public static ValueReader<Int128> OfDecimal128(int scale) => (ReadOnlySpan<byte> text, out Int128 value) =>
    {
        value = 0;
        var digits = text.StartsWith("-"u8) ? text[1..] : text;
        if (!TryFindPlaces(digits, scale, DigitsOf128, out var missing))
        {
            return false;
        }
        foreach (var digit in digits)
        {
            value = digit == (byte)'.' ? value : (value * 10) + (digit - '0');
        }
        for (; missing > 0; missing--)
        {
            value *= 10;
        }
        value = digits.Length < text.Length ? -value : value;
        return true;
    };

    /// <summary>Reads decimals of a scale as whole numbers of their last place.</summary>
    public static ValueReader<Wide> OfDecimal256(int scale) => (ReadOnlySpan<byte> text, out Wide value) =>
    {
        value = default;
        var digits = text.StartsWith("-"u8) ? text[1..] : text;
        if (!TryFindPlaces(digits, scale, DigitsOf256, out var missing))
        {
            return false;
        }
        var number = BigInteger.Zero;
        foreach (var digit in digits)
        {
            number = digit == (byte)'.' ? number : (number * 10) + (digit - '0');
        }
        number *= BigInteger.Pow(10, missing) * (digits.Length < text.Length ? -1 : 1);
        Span<byte> bytes = value;
        bytes.Fill(number.Sign < 0 ? (byte)0xFF : (byte)0);
        return number.TryWriteBytes(bytes, out _);
    };

    /// <param name="digits">Of a number without its sign.</param>
    /// <param name="scale">Digits behind the point.</param>
    /// <param name="most">Digits that there is room for.</param>
    /// <param name="missing">How many zeros behind the last digit were left out.</param>
    /// <returns>False of what is no number, or has more digits.</returns>
    private static bool TryFindPlaces(ReadOnlySpan<byte> digits, int scale, int most, out int missing)
    {
        var point = digits.IndexOf((byte)'.');
        var behind = point < 0 ? 0 : digits.Length - point - 1;
        missing = scale - behind;
        var before = digits[..(point < 0 ? digits.Length : point)];
        return missing >= 0 && before.Length > 0 && before.TrimStart((byte)'0').Length + scale <= most
            && before.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0
            && (point < 0 || digits[(point + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0);
    }
}

/// <summary>A number of 256 bits, little-endian.</summary>
[InlineArray(32)]
internal struct Wide
{
    private byte _first;
}

/// <summary>A UUID in the order of its text.</summary>
[InlineArray(16)]
internal struct UuidBytes
{
    private byte _first;

    public static bool TryRead(ReadOnlySpan<byte> text, out UuidBytes value)
    {
        value = default;
        return Utf8Parser.TryParse(text, out Guid uuid, out var read) && read == text.Length
            && uuid.TryWriteBytes(value, bigEndian: true, out _);
    }
}
