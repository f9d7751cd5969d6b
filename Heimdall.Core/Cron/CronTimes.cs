using Cronos;

namespace Heimdall.Core.Cron;

/// <summary>
/// When a cron expression comes true in a time zone. Where the clock is put forward, a time that is left out counts at
/// the first moment after; where it is put back, a time that is there twice counts once, the first time, unless the
/// expression says "every" or "from … to" of seconds, minutes or hours (<c>*</c>, <c>/</c>, <c>-</c>): then both times.
/// </summary>
/// <remarks>
/// The parser's own answers in a time zone are not used. They suppose that a zone's base offset is that of its winter,
/// and do not come after the question where it is not.
/// </remarks>
public sealed class CronTimes
{
    /// <summary>Clocks of a zone may show the calendar's last year, which is not looked at.</summary>
    private const int LastYear = 9998;

    private readonly CronText _cron;
    private readonly TimeZoneInfo _zone;
    private readonly ZonePeriods _periods;

    /// <param name="cron">The expression.</param>
    /// <param name="timezone">The IANA name of a zone.</param>
    /// <param name="id">Of the schedule: an <c>H</c> in the expression is a number that follows from it.</param>
    /// <param name="day">What the expression means when it names days of the month and weekdays.</param>
    /// <exception cref="CronFormatException">The expression is none: see <see cref="FindProblem"/>.</exception>
    /// <exception cref="TimeZoneNotFoundException">There is no such zone: see <see cref="FindZoneProblem"/>.</exception>
    public CronTimes(string cron, string timezone, string id = "", DayRule day = DayRule.And)
    {
        _cron = CronText.Parse(cron, id, day);
        _zone = TimeZoneInfo.FindSystemTimeZoneById(timezone);
        _periods = ZonePeriods.Of(_zone);
    }

    /// <summary>The expression in one line, with the numbers that each <c>H</c> stands for.</summary>
    public string Text => _cron.Text;

    /// <returns>What is wrong with an expression, or null. It ends without a full stop.</returns>
    public static string? FindProblem(string cron, string id = "", DayRule day = DayRule.And)
    {
        try
        {
            // In UTC every day has all hours: what does not come true within the calendar's 400 years never does.
            var start = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);
            return Find(CronText.Parse(cron, id, day), start, inclusive: true) is null
                ? "never comes true: no month has such a day"
                : null;
        }
        catch (CronFormatException exception)
        {
            return exception.Message;
        }
    }

    /// <returns>What is wrong with the name of a time zone, or null.</returns>
    public static string? FindZoneProblem(string timezone) =>
        TimeZoneInfo.TryFindSystemTimeZoneById(timezone, out var zone) && zone.Id == timezone
            ? null
            : "must be the IANA name of a time zone that this machine knows, such as Europe/Berlin or UTC";

    /// <summary>The first time after a moment; null when there is none any more.</summary>
    public DateTime? Next(DateTime after)
    {
        if (after.Year > LastYear)
        {
            return null;
        }
        var period = _periods.At(after);
        var (local, inclusive) = (after + period.Offset, false);
        while (true)
        {
            if (!_cron.IsInterval && local < period.Shown)
            {
                (local, inclusive) = (period.Shown, true);
            }
            if (Find(_cron, local, inclusive) is not { } found)
            {
                return null;
            }
            if (found < period.End + period.Offset)
            {
                return found - period.Offset;
            }
            var change = period.End;
            if (change.Year > LastYear)
            {
                return null;
            }
            period = _periods.At(change);
            (local, inclusive) = (change + period.Offset, true);
            if (found < local)
            {
                return change; // its time is left out
            }
        }
    }

    /// <summary>The times after a moment, in order, without end.</summary>
    public IEnumerable<DateTime> After(DateTime moment)
    {
        for (var next = Next(moment); next is { } time; next = Next(time))
        {
            yield return time;
        }
    }

    /// <summary>What clocks in the zone show.</summary>
    public DateTimeOffset ToLocal(DateTime time) => TimeZoneInfo.ConvertTime(new DateTimeOffset(time), _zone);

    /// <summary>The next time that clocks show, whatever the zone. The parser takes it for one in UTC.</summary>
    private static DateTime? Find(CronText cron, DateTime local, bool inclusive)
    {
        DateTime? first = null;
        foreach (var expression in cron.Either)
        {
            var next = expression.GetNextOccurrence(local, inclusive);
            first = next < first || first is null ? next : first;
        }
        return first;
    }
}
