using System.Globalization;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>Reads values in the server's text format, of which it is known that they are there.</summary>
internal static class TextValues
{
    public static bool Boolean(string? text) => text == "t";

    public static int Int32(string? text) => int.Parse(text!, CultureInfo.InvariantCulture);

    public static long Int64(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);

    /// <summary>Of seconds since 1970, to the microsecond.</summary>
    public static DateTimeOffset Time(string? seconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(
            (long)(decimal.Parse(seconds!, CultureInfo.InvariantCulture) * TimeSpan.TicksPerSecond));
}
