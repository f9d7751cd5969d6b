using System.Globalization;
using System.Numerics;

namespace Heimdall.Client;

/// <summary>A decimal number of any length: <c>Digits × 10^-Scale</c>.</summary>
internal readonly record struct ExactNumber(BigInteger Digits, int Scale)
{
    /// <summary>PostgreSQL's numbers have fewer digits; an exponent could ask for any amount of memory.</summary>
    private const int MostDigits = 200_000;

    private static readonly BigInteger LargestMantissa = (BigInteger.One << 96) - 1;

    public static ExactNumber Parse(string text)
    {
        var mark = text.AsSpan().IndexOfAny('e', 'E');
        var mantissa = mark < 0 ? text : text[..mark];
        var exponent = 0;
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var invariant = CultureInfo.InvariantCulture;
        var whole = point < 0 ? mantissa : mantissa.Remove(point, 1);
        if ((mark >= 0 && !int.TryParse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, invariant, out exponent))
            || Math.Abs((long)exponent) > MostDigits || mantissa.Length > MostDigits
            || !BigInteger.TryParse(whole, NumberStyles.AllowLeadingSign, invariant, out var digits))
        {
            throw new FormatException($"'{(text.Length > 40 ? $"{text[..40]}…" : text)}' is no number.");
        }
        return new(digits, (point < 0 ? 0 : mantissa.Length - point - 1) - exponent);
    }

    /// <exception cref="OverflowException">It has a fraction.</exception>
    public BigInteger ToBigInteger()
    {
        if (Scale <= 0)
        {
            return Digits * BigInteger.Pow(10, -Scale);
        }
        var whole = BigInteger.DivRem(Digits, BigInteger.Pow(10, Scale), out var rest);
        return rest.IsZero
            ? whole
            : throw new OverflowException("The number has a fraction: read it by GetDecimal or GetText.");
    }

    /// <exception cref="OverflowException">It is too large or has too many digits.</exception>
    public decimal ToDecimal()
    {
        var (digits, scale) = Scale < 0 ? (ToBigInteger(), 0) : (BigInteger.Abs(Digits), Scale);
        digits = BigInteger.Abs(digits);
        // Zeros at the end say nothing; those that fit are kept, as decimal keeps them.
        while (scale > 0 && (scale > 28 || digits > LargestMantissa)
            && BigInteger.DivRem(digits, 10, out var last) is var shorter && last.IsZero)
        {
            (digits, scale) = (shorter, scale - 1);
        }
        if (scale > 28 || digits > LargestMantissa)
        {
            throw new OverflowException("The number does not fit into a decimal without loss: read it by GetText.");
        }
        return new decimal(
            (int)(uint)(digits & uint.MaxValue), (int)(uint)((digits >> 32) & uint.MaxValue), (int)(uint)(digits >> 64),
            Digits.Sign < 0, (byte)scale);
    }
}
