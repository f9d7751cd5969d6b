using Heimdall.Core.Cron;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>
/// Every zone of the tz database through all changes of five years, beside a count of its own: minute by minute by the
/// offsets in the zone's file.
/// </summary>
public sealed class CronZoneTests
{
    private const int MinutesAround = 36 * 60;

    private static readonly DateTime From = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private static readonly DateTime Until = From.AddYears(5);

    private static readonly (string Name, IReadOnlyList<TzChange> Changes)[] _zones =
        [.. TzFile.All().Select(zone => (zone.Name, (IReadOnlyList<TzChange>)[.. zone.Zone.Changes.Where(change => change.At < Until)]))];

    [TestCase("0 * * * *", true)]
    [TestCase("*/5 * * * *", true)]
    [TestCase("30 1 * * *", false)]
    [TestCase("30 2 * * *", false)]
    [CancelAfter(120_000)]
    public void Every_zone_has_each_time_through_all_changes(string cron, bool isInterval, CancellationToken cancellationToken)
    {
        var changes = 0;
        foreach (var (name, all) in _zones)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var times = new CronTimes(cron, name);
            for (var i = 1; i < all.Count; i++)
            {
                if (all[i].At >= From && all[i].Offset != all[i - 1].Offset)
                {
                    changes++;
                    AssertAround(times, name, all[i - 1].Offset, all[i], Matcher(cron), isInterval);
                }
            }
        }

        Assert.That(changes, Is.GreaterThan(500), "the zones of this machine have changes");
        Assert.That(_zones.Select(zone => zone.Name), Is.SupersetOf(new[] { "Europe/Dublin", "Africa/Casablanca", "Africa/El_Aaiun" }));
    }

    [TestCase("0 * * * *")]
    [TestCase("*/5 * * * *")]
    [TestCase("30 1 * * *")]
    [TestCase("30 2 * * *")]
    public void Every_zone_advances_from_any_moment(string cron)
    {
        foreach (var (name, changes) in _zones)
        {
            var times = new CronTimes(cron, name);
            foreach (var change in changes.Where(change => change.At >= From))
            {
                foreach (var minutes in (double[])[-61, -60.5, -60, -30, -1, -0.01, 0, 0.01, 1, 30, 60, 60.5, 61])
                {
                    var moment = change.At.AddMinutes(minutes);
                    Assert.That(times.Next(moment), Is.GreaterThan(moment), $"{cron} in {name}");
                }
            }
        }
    }

    private static void AssertAround(
        CronTimes times, string zone, TimeSpan before, TzChange change, Func<DateTime, bool> matches, bool isInterval)
    {
        var start = change.At.AddMinutes(-MinutesAround);
        var end = change.At.AddMinutes(MinutesAround);
        var expected = new List<DateTime>();
        var shown = start + before;
        for (var time = start; time < end; time = time.AddMinutes(1))
        {
            var local = time + (time < change.At ? before : change.Offset);
            var isLeftOut = false;
            for (var left = shown.AddMinutes(1); time == change.At && left < local; left = left.AddMinutes(1))
            {
                isLeftOut |= matches(left);
            }
            if (isLeftOut || (matches(local) && (isInterval || local > shown)))
            {
                expected.Add(time);
            }
            shown = local > shown ? local : shown;
        }

        var found = times.After(start).TakeWhile(time => time < end).ToList();

        if (!found.SequenceEqual(expected.Where(time => time > start)))
        {
            Assert.That(found, Is.EqualTo(expected.Where(time => time > start)), $"{zone} at {change.At:O}");
        }
    }

    private static Func<DateTime, bool> Matcher(string cron) => cron switch
    {
        "0 * * * *" => time => time.Minute == 0,
        "*/5 * * * *" => time => time.Minute % 5 == 0,
        "30 1 * * *" => time => time is { Hour: 1, Minute: 30 },
        _ => time => time is { Hour: 2, Minute: 30 },
    };
}
