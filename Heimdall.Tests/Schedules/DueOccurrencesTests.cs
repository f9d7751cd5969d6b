using Heimdall.Core.Schedules;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>What the rules for missed occurrences make of those that are due.</summary>
public sealed class DueOccurrencesTests
{
    private static readonly DateTime Noon = new(2026, 5, 4, 12, 0, 0, DateTimeKind.Utc);

    private static readonly ScheduleDefinition EveryMinute = new()
    {
        Id = "minutely", Name = "minutely", Cron = "* * * * *", User = "test", CommandCriteria = ["a"], ClusterCriteria = ["b"], Context = [],
    };

    [TestCase("once")]
    [TestCase("skip")]
    [TestCase("all")]
    public void One_that_is_on_time_is_fired(string misfire)
    {
        var due = Due(EveryMinute with { Misfire = Parse(misfire) }, decidedUntil: Noon.AddSeconds(-30), now: Noon.AddSeconds(2));

        Assert.That(Fired(due), Is.EqualTo(new[] { Noon }));
        Assert.That(Missed(due), Is.Empty);
        Assert.That(due.DecidedUntil, Is.EqualTo(Noon.AddSeconds(2)));
    }

    [Test]
    public void Nothing_is_due_before_its_time()
    {
        var due = Due(EveryMinute, decidedUntil: Noon, now: Noon.AddSeconds(59.999));

        Assert.That(due.Occurrences, Is.Empty);
        Assert.That(due.HasMore, Is.False);
    }

    [Test]
    public void A_clock_that_goes_back_decides_nothing_again()
    {
        var due = Due(EveryMinute, decidedUntil: Noon, now: Noon.AddMinutes(-10));

        Assert.That(due.Occurrences, Is.Empty);
        Assert.That(due.DecidedUntil, Is.EqualTo(Noon));
    }

    [Test]
    public void Once_makes_up_with_the_last_of_those_that_were_missed()
    {
        var due = Due(EveryMinute, decidedUntil: Noon.AddMinutes(-4), now: Noon.AddSeconds(30));

        Assert.That(Fired(due), Is.EqualTo(new[] { Noon }));
        Assert.That(Missed(due), Is.EqualTo(new[] { Noon.AddMinutes(-3), Noon.AddMinutes(-2), Noon.AddMinutes(-1) }));
        Assert.That(due.Occurrences.Select(occurrence => occurrence.PlannedAt), Is.Ordered);
    }

    [Test]
    public void Once_makes_up_with_one_that_is_on_time_if_there_is_one()
    {
        var due = Due(EveryMinute, decidedUntil: Noon.AddMinutes(-4), now: Noon);

        Assert.That(Fired(due), Is.EqualTo(new[] { Noon }));
        Assert.That(Missed(due), Has.Exactly(3).Items);
    }

    [Test]
    public void Seconds_that_are_noticed_together_are_all_fired()
    {
        var due = Due(EveryMinute with { Cron = "* * * * * *" }, decidedUntil: Noon, now: Noon.AddSeconds(4.5));

        Assert.That(Fired(due), Is.EqualTo(new[] { 1, 2, 3, 4 }.Select(second => Noon.AddSeconds(second))));
        Assert.That(Missed(due), Is.Empty);
    }

    [Test]
    public void Skip_makes_up_for_nothing()
    {
        var due = Due(EveryMinute with { Misfire = MisfireRule.Skip, Cron = "0 * * * *" }, decidedUntil: Noon.AddHours(-2), now: Noon.AddMinutes(5));

        Assert.That(Fired(due), Is.Empty);
        Assert.That(Missed(due), Is.EqualTo(new[] { Noon.AddHours(-1), Noon }));
        Assert.That(due.Occurrences[^1].Missed, Does.Contain("0.00:05:00"));
    }

    [Test]
    public void All_fires_each_that_is_not_too_late()
    {
        var due = Due(
            EveryMinute with { Misfire = MisfireRule.All, MaxLateness = TimeSpan.FromSeconds(90) }, decidedUntil: Noon.AddMinutes(-3), now: Noon.AddSeconds(10));

        Assert.That(Missed(due), Is.EqualTo(new[] { Noon.AddMinutes(-2) }));
        Assert.That(Fired(due), Is.EqualTo(new[] { Noon.AddMinutes(-1), Noon }));
    }

    [Test]
    public void Once_fires_nothing_when_all_are_too_late()
    {
        var due = Due(EveryMinute with { Cron = "0 3 * * *", MaxLateness = TimeSpan.FromHours(2) }, decidedUntil: Noon.AddDays(-1), now: Noon);

        Assert.That(Fired(due), Is.Empty);
        Assert.That(Missed(due), Is.EqualTo(new[] { Noon.Date.AddHours(3) }));
    }

    [Test]
    public void Many_are_fired_in_parts_that_leave_none_out()
    {
        var schedule = new Schedule { Definition = EveryMinute with { Misfire = MisfireRule.All }, DecidedUntil = Noon };
        var now = Noon.AddMinutes(250);

        var fired = new List<DateTime>();
        var parts = 0;
        bool hasMore;
        do
        {
            var due = DueOccurrences.Of(schedule, now);
            fired.AddRange(Fired(due));
            schedule = schedule with { DecidedUntil = due.DecidedUntil };
            hasMore = due.HasMore;
            parts++;
        }
        while (hasMore);

        Assert.That(parts, Is.EqualTo(3));
        Assert.That(fired, Is.EqualTo(Enumerable.Range(1, 250).Select(minute => Noon.AddMinutes(minute))));
    }

    [Test]
    public void Of_many_that_were_missed_the_last_are_told_one_by_one_and_the_others_counted()
    {
        var due = Due(EveryMinute, decidedUntil: Noon.AddMinutes(-1000), now: Noon.AddSeconds(30));

        Assert.That(Fired(due), Is.EqualTo(new[] { Noon }));
        Assert.That(Missed(due), Has.Length.EqualTo(100));
        Assert.That(due.Occurrences[0].Missed, Does.EndWith("So it was of the 899 before."));
    }

    [Test]
    public void It_begins_and_ends_when_it_is_said_to()
    {
        var due = Due(
            EveryMinute with { Misfire = MisfireRule.All, StartsAt = Noon.AddMinutes(1), EndsAt = Noon.AddMinutes(3) },
            decidedUntil: Noon.AddMinutes(-5), now: Noon.AddMinutes(10));

        Assert.That(Fired(due), Is.EqualTo(new[] { Noon.AddMinutes(1), Noon.AddMinutes(2) }));
    }

    private static DueOccurrences Due(ScheduleDefinition definition, DateTime decidedUntil, DateTime now) =>
        DueOccurrences.Of(new Schedule { Definition = definition, DecidedUntil = decidedUntil }, now);

    private static MisfireRule Parse(string misfire) => Enum.Parse<MisfireRule>(misfire, ignoreCase: true);

    private static DateTime[] Fired(DueOccurrences due) => [.. due.Occurrences.Where(occurrence => occurrence.Missed is null).Select(occurrence => occurrence.PlannedAt)];

    private static DateTime[] Missed(DueOccurrences due) => [.. due.Occurrences.Where(occurrence => occurrence.Missed is not null).Select(occurrence => occurrence.PlannedAt)];
}
