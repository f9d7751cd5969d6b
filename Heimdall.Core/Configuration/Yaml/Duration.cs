using System.Globalization;
using System.Text.RegularExpressions;

namespace Heimdall.Core.Configuration.Yaml;

/// <summary>Reads and writes <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>2h</c>, <c>7d</c> and <c>hh:mm:ss</c>.</summary>
public static partial class Duration
{
    public const string Expected = "must be a duration: 500ms, 30s, 5m, 2h, 7d or hh:mm:ss";

    /// <summary>What <c>forever</c> stands for. Where a time must have an end it is refused, as too long.</summary>
    public static readonly TimeSpan Forever = TimeSpan.MaxValue;

    private const string ForeverText = "forever";

    public static TimeSpan? Read(string text)
    {
        if (text == ForeverText)
        {
            return Forever;
        }

        if (ClockTime().IsMatch(text))
        {
            var parts = text.Split(':').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
            return new TimeSpan(parts[0], parts[1], parts[2]);
        }

        if (AmountAndUnit().Match(text) is not { Success: true } match)
        {
            return null;
        }

        var amount = int.Parse(match.Groups["amount"].ValueSpan, CultureInfo.InvariantCulture);

        return match.Groups["unit"].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(amount),
            "s" => TimeSpan.FromSeconds(amount),
            "m" => TimeSpan.FromMinutes(amount),
            "h" => TimeSpan.FromHours(amount),
            _ => TimeSpan.FromDays(amount),
        };
    }

    /// <summary>In the largest unit that leaves no rest.</summary>
    public static string Write(TimeSpan time) => time.Ticks switch
    {
        _ when time == Forever => ForeverText,
        var ticks when ticks % TimeSpan.TicksPerDay == 0 => string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerDay}d"),
        var ticks when ticks % TimeSpan.TicksPerHour == 0 => string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerHour}h"),
        var ticks when ticks % TimeSpan.TicksPerMinute == 0 => string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerMinute}m"),
        var ticks when ticks % TimeSpan.TicksPerSecond == 0 => string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerSecond}s"),
        var ticks => string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerMillisecond}ms"),
    };

    // Seven digits: a TimeSpan ends at ten million days.
    [GeneratedRegex(@"^(?<amount>[0-9]{1,7})(?<unit>ms|s|m|h|d)\z")]
    private static partial Regex AmountAndUnit();

    [GeneratedRegex(@"^[0-9]{1,2}:[0-5][0-9]:[0-5][0-9]\z")]
    private static partial Regex ClockTime();
}
