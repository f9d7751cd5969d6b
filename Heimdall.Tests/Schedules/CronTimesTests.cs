using System.Globalization;
using Heimdall.Core.Cron;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>When expressions come true, above all where the clock changes.</summary>
public sealed class CronTimesTests
{
    // Spring: the time that is left out counts at the first moment after. 2026-03-29 02:00 → 03:00, 2026-03-08 02:00 → 03:00, 2026-10-04 02:00 → 02:30.
    [TestCase("30 2 * * *", "Europe/Berlin", "2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00")]
    [TestCase("30 2 * * *", "America/New_York", "2026-03-07T02:30-05:00", "2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00")]
    [TestCase("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T02:15+10:30", "2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00")]
    [TestCase("0,30 2 * * *", "Europe/Berlin", "2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00")]
    [TestCase("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00")]
    [TestCase("*/15 * * * *", "Australia/Lord_Howe", "2026-10-04T01:45+10:30", "2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00")]
    // Autumn: the time that comes twice counts once, the first time. 2026-10-25 03:00 → 02:00, 2026-11-01 02:00 → 01:00, 2026-04-05 02:00 → 01:30.
    [TestCase("30 2 * * *", "Europe/Berlin", "2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00")]
    [TestCase("30 1 * * *", "America/New_York", "2026-10-31T01:30-04:00", "2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00")]
    [TestCase("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T01:45+11:00", "2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30")]
    // But what goes on all the time goes on through both.
    [TestCase("30 * * * *", "Europe/Berlin", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00")]
    [TestCase("30 * * * *", "America/New_York", "2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-11-01T02:30-05:00")]
    [TestCase("*/15 * * * *", "Australia/Lord_Howe", "2026-04-05T01:45+11:00", "2026-04-05T01:30+10:30", "2026-04-05T01:45+10:30")]
    public void Runs_once_where_the_clock_changes(string cron, string timezone, params string[] expected)
    {
        var times = new CronTimes(cron, timezone);
        var first = DateTimeOffset.Parse(expected[0], CultureInfo.InvariantCulture).UtcDateTime;

        var found = times.After(first.AddSeconds(-1)).Take(expected.Length).Select(times.ToLocal);

        Assert.That(found.Select(time => time.ToString("yyyy-MM-dd'T'HH:mmzzz", CultureInfo.InvariantCulture)), Is.EqualTo(expected));
    }

    [TestCase("*/20 * * * * *", "2026-01-31T23:59:40Z", "2026-02-01T00:00:00Z")]
    [TestCase("15 30 9 * * MON-FRI", "2026-01-30T09:30:15Z", "2026-02-02T09:30:15Z")]
    [TestCase("0 12 L * *", "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z")]
    [TestCase("@daily", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z")]
    [TestCase("0 0 13 * FRI", "2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z")]
    [TestCase("0 0 29 2 *", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z")]
    public void Understands_five_fields_and_six(string cron, string first, string second)
    {
        var at = DateTimeOffset.Parse(first, CultureInfo.InvariantCulture).UtcDateTime;

        var found = new CronTimes(cron, "UTC").After(at.AddSeconds(-1)).Take(2);

        Assert.That(CronTimes.FindProblem(cron), Is.Null);
        Assert.That(found, Is.EqualTo(new[] { at, DateTimeOffset.Parse(second, CultureInfo.InvariantCulture).UtcDateTime }));
    }

    [TestCase("", "It has 0.")]
    [TestCase("* * * *", "It has 4.")]
    [TestCase("* * * * * * *", "It has 7.")]
    [TestCase("60 * * * *", "must be a cron expression of 5 fields")]
    [TestCase("* * * * MONDAY", "must be a cron expression of 5 fields")]
    [TestCase("@sometimes", "must be a cron expression of 5 fields")]
    [TestCase("H H * * *", "must be a cron expression of 5 fields")]
    [TestCase("0 0 31 2 *", "never comes true")]
    public void Says_what_is_wrong_with_an_expression(string cron, string expected) => Assert.That(CronTimes.FindProblem(cron), Does.Contain(expected));

    [TestCase("Europe/Berlin", true)]
    [TestCase("UTC", true)]
    [TestCase("Europe/Atlantis", false)]
    [TestCase("", false)]
    [TestCase("W. Europe Standard Time", false)]
    [TestCase("../etc/passwd", false)]
    public void Knows_time_zones_by_their_IANA_names(string timezone, bool isKnown) =>
        Assert.That(CronTimes.FindZoneProblem(timezone), isKnown ? Is.Null : Does.Contain("IANA"));
}
