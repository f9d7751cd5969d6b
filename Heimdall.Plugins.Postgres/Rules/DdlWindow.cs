using System.Globalization;

namespace Heimdall.Plugins.Postgres.Rules;

/// <summary>
/// When DDL may run: while the clocks of a time zone show a time within it. So an hour that they show twice counts
/// twice, and one that they leave out is none.
/// </summary>
/// <param name="Days">On which it begins.</param>
/// <param name="From">When it begins.</param>
/// <param name="To">When it ends: on the next day where that is not later than <paramref name="From"/>.</param>
/// <param name="Zone">Whose clocks.</param>
internal sealed record DdlWindow(IReadOnlyList<DayOfWeek> Days, TimeOnly From, TimeOnly To, TimeZoneInfo Zone)
{
    /// <summary>The days of the week as a configuration names them, from Sunday on.</summary>
    public static string[] DayNames { get; } = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    public bool IsOpen(DateTimeOffset at)
    {
        var local = TimeZoneInfo.ConvertTime(at, Zone);
        var time = TimeOnly.FromDateTime(local.DateTime);
        var isPastMidnight = To <= From;
        return isPastMidnight
            ? (time >= From && Days.Contains(local.DayOfWeek))
                || (time < To && Days.Contains((DayOfWeek)(((int)local.DayOfWeek + 6) % 7)))
            : time >= From && time < To && Days.Contains(local.DayOfWeek);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{string.Join(", ", Days.Select(day => DayNames[(int)day]))} {From:HH:mm} to {To:HH:mm} {Zone.Id}");
}

/// <summary>The windows of one command, of which one must be open for DDL.</summary>
internal sealed class DdlWindows(IReadOnlyList<DdlWindow> windows, TimeProvider clock)
{
    /// <summary>Where a change of the clocks leaves a window out, the next is that of the week after.</summary>
    private const int DaysLookedAhead = 15;

    // The last answer: a script with a thousand statements asks as often.
    private (DateTimeOffset From, DateTimeOffset Next)? _answer;

    /// <summary>Why others of its windows cannot be read here: these never open.</summary>
    public IReadOnlyList<string> Unread { get; init; } = [];

    /// <summary>The same by another clock.</summary>
    public DdlWindows By(TimeProvider other) => new(windows, other) { Unread = Unread };

    /// <param name="what">What is DDL.</param>
    /// <returns>Why it is refused now, and when it is not any more; null while a window is open.</returns>
    public string? FindProblem(string what)
    {
        var now = clock.GetUtcNow();
        if (IsOpen(now))
        {
            return null;
        }

        if (windows.Count == 0)
        {
            return $"{what} is refused: no window of the command for DDL ({StatementRules.NoDdlOutside}) opens here, "
                + $"for {string.Join("; ", Unread)}.";
        }

        var next = FindNext(now) is { } opens
            ? string.Create(
                CultureInfo.InvariantCulture, $"The next one opens at {opens.UtcDateTime:yyyy-MM-dd'T'HH:mm'Z'}.")
            : $"None opens within {DaysLookedAhead} days.";
        return $"{what} is refused outside of the command's windows for DDL ({StatementRules.NoDdlOutside}: "
            + $"{string.Join("; ", windows)}). {next}"
            + (Unread.Count == 0 ? "" : $" Another never opens here, for {string.Join("; ", Unread)}.");
    }

    public bool IsOpen(DateTimeOffset at) => windows.Any(window => window.IsOpen(at));

    /// <summary>When one opens next; null: not soon.</summary>
    public DateTimeOffset? FindNext(DateTimeOffset now)
    {
        if (_answer is { } last && last.From <= now && now < last.Next)
        {
            return last.Next;
        }

        // Windows begin with a minute, and so do changes of the clocks: each minute is looked at.
        var minute = new DateTimeOffset(now.UtcTicks - now.UtcTicks % TimeSpan.TicksPerMinute, TimeSpan.Zero);
        for (var ahead = 1; ahead <= DaysLookedAhead * 24 * 60; ahead++)
        {
            var at = minute.AddMinutes(ahead);
            if (IsOpen(at))
            {
                _answer = (now, at);
                return at;
            }
        }

        return null;
    }
}
