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
    // A whole day is left out.
    [TestCase("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00")]
    // Their winter is what the tz database calls daylight time. Dublin 2026-03-29 01:00 → 02:00, Morocco 2026-03-22 02:00 → 03:00.
    [TestCase("30 1 * * *", "Europe/Dublin", "2026-03-28T01:30+00:00", "2026-03-29T02:00+01:00", "2026-03-30T01:30+01:00")]
    [TestCase("0 * * * *", "Europe/Dublin", "2026-03-29T00:00+00:00", "2026-03-29T02:00+01:00", "2026-03-29T03:00+01:00")]
    [TestCase("*/5 * * * *", "Europe/Dublin", "2026-03-29T00:55+00:00", "2026-03-29T02:00+01:00", "2026-03-29T02:05+01:00")]
    [TestCase("30 2 * * *", "Africa/Casablanca", "2026-03-21T02:30+00:00", "2026-03-22T03:00+01:00", "2026-03-23T02:30+01:00")]
    [TestCase("0 * * * *", "Africa/El_Aaiun", "2026-03-22T01:00+00:00", "2026-03-22T03:00+01:00", "2026-03-22T04:00+01:00")]
    // Autumn: the time that comes twice counts once, the first time. 2026-10-25 03:00 → 02:00, 2026-11-01 02:00 → 01:00, 2026-04-05 02:00 → 01:30.
    [TestCase("30 2 * * *", "Europe/Berlin", "2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00")]
    [TestCase("30 1 * * *", "America/New_York", "2026-10-31T01:30-04:00", "2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00")]
    [TestCase("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T01:45+11:00", "2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30")]
    // But what goes on all the time goes on through both.
    [TestCase("30 * * * *", "Europe/Berlin", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00")]
    [TestCase("30 * * * *", "America/New_York", "2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-11-01T02:30-05:00")]
    [TestCase("30 * * * *", "Europe/Dublin", "2026-10-25T01:30+01:00", "2026-10-25T01:30+00:00", "2026-10-25T02:30+00:00")]
    [TestCase("30 1 * * *", "Europe/Dublin", "2026-10-24T01:30+01:00", "2026-10-25T01:30+01:00", "2026-10-26T01:30+00:00")]
    [TestCase("30 2 * * *", "Africa/Casablanca", "2026-02-14T02:30+01:00", "2026-02-15T02:30+01:00", "2026-02-16T02:30+00:00")]
    [TestCase("30 * * * *", "Africa/El_Aaiun", "2026-02-15T02:30+01:00", "2026-02-15T02:30+00:00", "2026-02-15T03:30+00:00")]
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
    [TestCase("@Midnight", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z")]
    [TestCase("@hourly", "2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z")]
    [TestCase("@weekly", "2026-02-22T00:00:00Z", "2026-03-01T00:00:00Z")]
    [TestCase("@monthly", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")]
    [TestCase("@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [TestCase("@annually", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    [TestCase("@every_minute", "2026-02-28T23:59:00Z", "2026-03-01T00:00:00Z")]
    [TestCase("@every_second", "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z")]
    [TestCase("30 2 * * *\n", "2026-02-28T02:30:00Z", "2026-03-01T02:30:00Z")]
    [TestCase(" 30\t2 * * * \r\n", "2026-02-28T02:30:00Z", "2026-03-01T02:30:00Z")]
    [TestCase("0 0 13 * FRI", "2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z")]
    [TestCase("0 0 29 2 *", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z")]
    public void Understands_five_fields_and_six(string cron, string first, string second)
    {
        var at = DateTimeOffset.Parse(first, CultureInfo.InvariantCulture).UtcDateTime;

        var found = new CronTimes(cron, "UTC").After(at.AddSeconds(-1)).Take(2);

        Assert.That(CronTimes.FindProblem(cron), Is.Null);
        Assert.That(found, Is.EqualTo(new[] { at, DateTimeOffset.Parse(second, CultureInfo.InvariantCulture).UtcDateTime }));
    }

    [TestCase("", "it has 0 fields")]
    [TestCase("* * * *", "it has 4 fields")]
    [TestCase("* * * * * * *", "it has 7 fields")]
    [TestCase("60 * * * *", "must be a cron expression of 5 fields (minute hour day month weekday), 6 (with seconds before) or one of "
        + "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every_minute, @every_second: "
        + "Minutes: Value must be a number between 0 and 59 (all inclusive)")]
    [TestCase("* * * * MONDAY", "must be a cron expression of 5 fields")]
    [TestCase("@sometimes", ": @sometimes is none of them")]
    [TestCase("@reboot", "@hourly, @every_minute, @every_second: @reboot is none of them")]
    [TestCase("H(0-60) * * * *", "minute: H(0-60) should be a range within H(0-59)")]
    [TestCase("H(9-3) * * * *", "minute: H(9-3) should be a range within H(0-59)")]
    [TestCase("* H/25 * * *", "hour: the step of H/25 should be 1 to 23")]
    [TestCase("* * H/0 * *", "day: the step of H/0 should be 1 to 28")]
    [TestCase("Hx * * * *", "minute: Hx should be H, H/3, H(0-59) or H(0-59)/3")]
    [TestCase("H-5 * * * *", "minute: H-5 should be H, H/3, H(0-59) or H(0-59)/3")]
    [TestCase("0 0 31 2 *", "never comes true")]
    public void Says_what_is_wrong_with_an_expression(string cron, string expected) =>
        Assert.That(CronTimes.FindProblem(cron), Does.Contain(expected).And.Not.EndWith("."));

    // Pinned: they must not move with an upgrade.
    [TestCase("H 3 * * *", "nightly", "42 3 * * *")]
    [TestCase("H H * * *", "nightly", "42 18 * * *")]
    [TestCase("H H(0-5) H * H", "nightly", "42 0 28 * 5")]
    [TestCase("H/15 * * * *", "nightly", "12-59/15 * * * *")]
    [TestCase("H(10-29)/10,45 * * * *", "nightly", "12-29/10,45 * * * *")]
    [TestCase("H H H H H H", "weekly", "45 16 7 19 2 5")]
    [TestCase("@Daily", "nightly", "@Daily")]
    [TestCase("0  3\t* * THU\n", "nightly", "0 3 * * THU")]
    public void Spreads_by_the_id(string cron, string id, string expected) =>
        Assert.That(new CronTimes(cron, "UTC", id).Text, Is.EqualTo(expected));

    [Test]
    public void Spreads_over_the_whole_range()
    {
        var minutes = Enumerable.Range(0, 1000).Select(i => new CronTimes("H 3 * * *", "UTC", $"schedule-{i}").Text.Split(' ')[0]).ToList();

        Assert.That(minutes.Distinct().Count(), Is.EqualTo(60));
        Assert.That(minutes.CountBy(minute => minute).Max(minute => minute.Value), Is.LessThan(40), "of 17 on average");
    }

    [Test]
    public void A_spread_number_of_an_hour_runs_once_where_the_clock_is_put_back()
    {
        var times = new CronTimes("H 1 * * *", "Europe/Dublin", "nightly");

        Assert.That(times.After(new DateTime(2026, 10, 24, 12, 0, 0, DateTimeKind.Utc)).First().AddDays(1).Day, Is.EqualTo(26));
        Assert.That(
            times.After(new DateTime(2026, 10, 24, 12, 0, 0, DateTimeKind.Utc)).TakeWhile(time => time.Day < 26).Count(), Is.EqualTo(1));
    }

    [TestCase("0 0 13 * FRI", DayRule.And, "2026-02-13", "2026-03-13")]
    [TestCase("0 0 13 * FRI", DayRule.Or, "2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27", "2026-03-06", "2026-03-13", "2026-03-20")]
    [TestCase("0 0 1,15 * MON", DayRule.Or, "2026-02-01", "2026-02-02", "2026-02-09", "2026-02-15", "2026-02-16", "2026-02-23", "2026-03-01")]
    [TestCase("0 0 15 * *", DayRule.Or, "2026-02-15", "2026-03-15")]
    [TestCase("0 0 ? * MON", DayRule.Or, "2026-02-02", "2026-02-09")]
    [TestCase("0 0 31 2 MON", DayRule.Or, "2026-02-02", "2026-02-09", "2026-02-16", "2026-02-23", "2027-02-01")]
    [TestCase("0 0 L * SUN", DayRule.Or, "2026-02-01", "2026-02-08", "2026-02-15", "2026-02-22", "2026-02-28", "2026-03-01")]
    public void Days_match_both_or_one(string cron, DayRule day, params string[] expected)
    {
        var found = new CronTimes(cron, "UTC", "any", day).After(new DateTime(2026, 1, 31, 23, 59, 0, DateTimeKind.Utc)).Take(expected.Length);

        Assert.That(CronTimes.FindProblem(cron, "any", day), Is.Null);
        Assert.That(found.Select(time => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)), Is.EqualTo(expected));
    }

    [Test]
    public void A_time_that_never_comes_is_found()
    {
        Assert.That(CronTimes.FindProblem("0 0 31 2 MON", "any", DayRule.And), Does.Contain("never comes true"));
        Assert.That(CronTimes.FindProblem("0 0 H 2 *", "any"), Is.Null);
        Assert.That(new CronTimes("0 0 1 1 *", "Europe/Dublin").Next(new DateTime(9998, 6, 1, 0, 0, 0, DateTimeKind.Utc)), Is.Null);
        Assert.That(new CronTimes("* * * * *", "Europe/Dublin").Next(new DateTime(9999, 1, 1, 0, 0, 0, DateTimeKind.Utc)), Is.Null);
    }

    [TestCase("Europe/Berlin", true)]
    [TestCase("UTC", true)]
    [TestCase("Europe/Atlantis", false)]
    [TestCase("", false)]
    [TestCase("W. Europe Standard Time", false)]
    [TestCase("../etc/passwd", false)]
    public void Knows_time_zones_by_their_IANA_names(string timezone, bool isKnown) =>
        Assert.That(CronTimes.FindZoneProblem(timezone), isKnown ? Is.Null : Does.Contain("IANA"));
}
