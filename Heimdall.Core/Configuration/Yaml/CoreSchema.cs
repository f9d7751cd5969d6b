using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Heimdall.Core.Configuration.Yaml;

/// <summary>What plain scalars mean by the core schema of YAML 1.2 (chapter 10.3.2).</summary>
internal static partial class CoreSchema
{
    public static bool? ReadBoolean(string text) => text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => null,
    };

    public static BigInteger? ReadInteger(string text)
    {
        if (Hexadecimal().IsMatch(text))
        {
            return BigInteger.Parse($"0{text.AsSpan(2)}", NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        if (Octal().IsMatch(text))
        {
            return text.Skip(2).Aggregate(BigInteger.Zero, (sum, digit) => (sum * 8) + (digit - '0'));
        }

        return Decimal().IsMatch(text) ? BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : null;
    }

    /// <summary>A plain scalar as JSON; null (the node) for a null.</summary>
    /// <exception cref="FormatException">The scalar is a number that JSON does not have.</exception>
    public static JsonNode? ToJson(YamlScalar scalar)
    {
        if (scalar.IsNull)
        {
            return null;
        }

        if (!scalar.IsPlain)
        {
            return scalar.Text;
        }

        if (ReadBoolean(scalar.Text) is { } truth)
        {
            return truth;
        }

        if (ReadInteger(scalar.Text) is { } integer)
        {
            return JsonNode.Parse(integer.ToString(CultureInfo.InvariantCulture));
        }

        if (Float().IsMatch(scalar.Text))
        {
            var number = double.Parse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture);
            return double.IsFinite(number) ? number : throw new FormatException();
        }

        return NotFinite().IsMatch(scalar.Text) ? throw new FormatException() : scalar.Text;
    }

    [GeneratedRegex(@"^[-+]?[0-9]+\z")]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^0o[0-7]+\z")]
    private static partial Regex Octal();

    [GeneratedRegex(@"^0x[0-9a-fA-F]+\z")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Float();

    [GeneratedRegex(@"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z")]
    private static partial Regex NotFinite();
}
