using System.Collections.Concurrent;

namespace Heimdall.Core.Cron;

/// <summary>
/// The clock of a time zone as periods of one offset from UTC. Which of two offsets is summer's is not asked: in Dublin
/// and Casablanca it is the lower one that the tz database calls daylight time.
/// </summary>
internal sealed class ZonePeriods
{
    /// <summary>Two changes of a clock are further apart.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromHours(12);

    /// <summary>How far back a change may lie whose repeated times still come: clocks differ by less.</summary>
    private static readonly TimeSpan MostRepeated = TimeSpan.FromDays(2);

    private static readonly ConcurrentDictionary<TimeZoneInfo, ZonePeriods> _zones = new();

    private readonly ConcurrentDictionary<int, ZonePeriod[]> _years = new();
    private readonly TimeZoneInfo _zone;

    private ZonePeriods(TimeZoneInfo zone) => _zone = zone;

    public static ZonePeriods Of(TimeZoneInfo zone) => _zones.GetOrAdd(zone, static zone => new ZonePeriods(zone));

    /// <summary>The period that a moment lies in; a new year begins a new one.</summary>
    /// <param name="time">In UTC, before the calendar's last year.</param>
    public ZonePeriod At(DateTime time)
    {
        var periods = _years.GetOrAdd(time.Year, Find);
        var last = periods.Length - 1;
        while (periods[last].Start > time)
        {
            last--;
        }
        return periods[last];
    }

    private ZonePeriod[] Find(int year)
    {
        var begin = new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var end = begin.AddYears(1);
        var periods = new List<ZonePeriod>();
        var start = year > 1 ? begin - MostRepeated : begin;
        var offset = _zone.GetUtcOffset(start);
        var shown = start + offset; // what clocks have shown before the period
        for (var at = start; at < end;)
        {
            var next = at + Step < end ? at + Step : end;
            if (_zone.GetUtcOffset(next) != offset)
            {
                next = FindChange(at, next);
            }
            if (next >= end || _zone.GetUtcOffset(next) != offset)
            {
                periods.Add(new ZonePeriod(start, next, offset, shown));
                shown = next + offset > shown ? next + offset : shown;
                start = next;
                offset = _zone.GetUtcOffset(next);
            }
            at = next;
        }
        return [.. periods.Where(period => period.End > begin)];
    }

    /// <summary>The first moment with another offset.</summary>
    private DateTime FindChange(DateTime before, DateTime after)
    {
        var offset = _zone.GetUtcOffset(before);
        while (after - before > TimeSpan.FromTicks(1))
        {
            var middle = before + ((after - before) / 2);
            (before, after) = _zone.GetUtcOffset(middle) == offset ? (middle, after) : (before, middle);
        }
        return after;
    }
}

/// <summary>A time in which the clocks of a zone differ from UTC by one offset.</summary>
/// <param name="Start">In UTC.</param>
/// <param name="End">The first moment after it.</param>
/// <param name="Offset">What clocks show more than UTC.</param>
/// <param name="Shown">Clocks have shown every time before this one already, if they have shown it at all.</param>
internal readonly record struct ZonePeriod(DateTime Start, DateTime End, TimeSpan Offset, DateTime Shown);
