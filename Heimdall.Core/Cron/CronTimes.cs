using Cronos;

namespace Heimdall.Core.Cron;

/// <summary>
/// When a cron expression comes true in a time zone. Where the clock is put forward, a time that is left out counts at the first moment after;
/// where it is put back, a time that is there twice counts once, the first time, unless the expression says "every" or "each" of seconds,
/// minutes or hours (<c>*</c>, <c>/</c>, <c>-</c>): then both times.
/// </summary>
public sealed class CronTimes
{
    private static readonly char[] Blanks = [' ', '\t'];

    private readonly CronExpression _cron;
    private readonly TimeZoneInfo _zone;

    /// <exception cref="CronFormatException">The expression is none: see <see cref="FindProblem"/>.</exception>
    /// <exception cref="TimeZoneNotFoundException">There is no such zone: see <see cref="FindZoneProblem"/>.</exception>
    public CronTimes(string cron, string timezone)
    {
        _cron = Parse(cron);
        _zone = TimeZoneInfo.FindSystemTimeZoneById(timezone);
    }

    /// <returns>What is wrong with an expression, or null.</returns>
    public static string? FindProblem(string cron)
    {
        try
        {
            // Seen in UTC every day has all hours: what does not come true within the calendar's 400 years never does.
            return Parse(cron).GetNextOccurrence(new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc), inclusive: true) is null
                ? "never comes true: no month has such a day"
                : null;
        }
        catch (CronFormatException exception)
        {
            return $"must be a cron expression of 5 fields (minute hour day month weekday) or 6 (with seconds before): {exception.Message}";
        }
    }

    /// <returns>What is wrong with the name of a time zone, or null.</returns>
    public static string? FindZoneProblem(string timezone) =>
        TimeZoneInfo.TryFindSystemTimeZoneById(timezone, out var zone) && zone.Id == timezone
            ? null
            : "must be the IANA name of a time zone that this machine knows, such as Europe/Berlin or UTC";

    /// <summary>The first time after a moment; null when there is none any more.</summary>
    public DateTime? Next(DateTime after) => _cron.GetNextOccurrence(after, _zone);

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

    private static CronExpression Parse(string cron) => cron.Split(Blanks, StringSplitOptions.RemoveEmptyEntries) switch
    {
        [var macro] when macro.StartsWith('@') => CronExpression.Parse(cron),
        { Length: 5 } => CronExpression.Parse(cron),
        { Length: 6 } => CronExpression.Parse(cron, CronFormat.IncludeSeconds),
        var fields => throw new CronFormatException($"It has {fields.Length}."),
    };
}
