namespace Heimdall.Core.Schedules;

/// <summary>Which occurrences of a schedule are due and what its rule for missed ones makes of them.</summary>
internal sealed record DueOccurrences
{
    /// <summary>So many jobs are made in one transaction, and so many missed occurrences have a record of their own.</summary>
    public const int Most = 100;

    /// <summary>One that is noticed so late was not missed.</summary>
    private static readonly TimeSpan OnTime = TimeSpan.FromSeconds(5);

    /// <summary>With <see cref="MisfireRule.Skip"/>, where the schedule itself says nothing: workers that are restarted cost no run.</summary>
    private static readonly TimeSpan SkipsAfter = TimeSpan.FromMinutes(1);

    /// <summary>In the order of their times.</summary>
    public required IReadOnlyList<DueOccurrence> Occurrences { get; init; }

    public required DateTime DecidedUntil { get; init; }

    /// <summary>More are due after these.</summary>
    public required bool HasMore { get; init; }

    public static DueOccurrences Of(Schedule schedule, DateTime now)
    {
        var definition = schedule.Definition;
        var latest = definition.MaxLateness ?? (definition.Misfire == MisfireRule.Skip ? SkipsAfter : TimeSpan.MaxValue);
        var decided = new List<DueOccurrence>();
        var missed = new MissedOccurrences();
        var fired = 0;
        DateTime? behind = null; // with Once: the last one that was missed, which is run if nothing comes after it
        foreach (var time in schedule.Coming().TakeWhile(time => time <= now))
        {
            if (fired == Most)
            {
                return new() { Occurrences = [.. missed.Told, .. decided], DecidedUntil = Schedule.JustBefore(time), HasMore = true };
            }
            if (now - time > latest)
            {
                missed.Add(time, $"Noticed {Text(now - time)} late, and it may be {Text(latest)}.");
                continue;
            }
            if (definition.Misfire == MisfireRule.Once && behind is { } earlier)
            {
                missed.Add(earlier, "Missed; a later run makes up for it.");
                behind = null;
            }
            if (definition.Misfire == MisfireRule.Once && now - time > OnTime)
            {
                behind = time;
                continue;
            }
            decided.Add(new DueOccurrence(time, Missed: null));
            fired++;
        }
        if (behind is { } last)
        {
            decided.Add(new DueOccurrence(last, Missed: null));
        }
        return new() { Occurrences = [.. missed.Told, .. decided], DecidedUntil = now > schedule.DecidedUntil ? now : schedule.DecidedUntil, HasMore = false };
    }

    /// <returns>One record for all occurrences of a time in which none was to run; null when there was none.</returns>
    public static DueOccurrence? PassedOver(IEnumerable<DateTime> times, string why)
    {
        var count = 0L;
        DateTime last = default;
        foreach (var time in times)
        {
            count++;
            last = time;
        }
        return count == 0 ? null : new DueOccurrence(last, count == 1 ? why : $"{why} So it was of the {count - 1} before.");
    }

    private static string Text(TimeSpan time) => time < TimeSpan.FromMinutes(2) ? $"{time.TotalSeconds:0.#} s" : time.ToString(@"d\.hh\:mm\:ss", null);

    /// <summary>Keeps the last ones, and counts those before.</summary>
    private sealed class MissedOccurrences
    {
        private readonly Queue<DueOccurrence> _last = new();
        private long _untold;

        public IEnumerable<DueOccurrence> Told => _last.Select((occurrence, index) =>
            index == 0 && _untold > 0 ? occurrence with { Missed = $"{occurrence.Missed} So it was of the {_untold} before." } : occurrence);

        public void Add(DateTime time, string why)
        {
            _last.Enqueue(new DueOccurrence(time, why));
            if (_last.Count > Most)
            {
                _last.Dequeue();
                _untold++;
            }
        }
    }
}

/// <param name="PlannedAt">When.</param>
/// <param name="Missed">Why it is not run; null: it is to be run.</param>
internal sealed record DueOccurrence(DateTime PlannedAt, string? Missed);
