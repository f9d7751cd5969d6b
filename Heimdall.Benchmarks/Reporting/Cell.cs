using System.Globalization;

namespace Heimdall.Benchmarks.Reporting;

/// <summary>What stands in the tables.</summary>
internal static class Cell
{
    public const string Nothing = "-";
    public const double Megabyte = 1024 * 1024;

    /// <param name="value">Null where there is none.</param>
    /// <param name="format">Of the digits.</param>
    public static string Of(double? value, string format = "0.00") => value?.ToString(format, CultureInfo.InvariantCulture) ?? Nothing;

    public static string OfGoal(bool? isMet) => isMet switch { true => "met", false => "missed", null => Nothing };

    public static string OfMegabytes(long? bytes, string format = "0") => Of(bytes / Megabyte, format);
}
