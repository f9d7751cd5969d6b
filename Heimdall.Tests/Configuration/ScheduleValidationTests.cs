using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

public sealed class ScheduleValidationTests
{
    private const string Database = """
        database:
          connection_string: postgresql://heimdall@127.0.0.1/heimdall

        """;

    private const string NameExpected = "must have 1 to 100 letters, digits and . _ - only";
    private const string TimeExpected = "must be a time as in RFC 3339, with its offset: 2026-01-31T12:00:00Z";

    [TestCase("id: another.one_2")]
    [TestCase("cron: '*/5 * * * * *'")]
    [TestCase("cron: '@hourly'")]
    [TestCase("cron: H 3 * * *")]
    [TestCase("cron: \"30 2 * * *\\n\"")]
    [TestCase("day: or")]
    [TestCase("timezone: Australia/Lord_Howe")]
    [TestCase("misfire: all")]
    [TestCase("overlap: replace")]
    [TestCase("max_lateness: 90s")]
    [TestCase("max_lateness:")]
    [TestCase("starts_at: 2026-01-01T00:00:00+01:00")]
    [TestCase("starts_at: '2026-01-01T00:00:00Z'\n    ends_at: 2026-01-01T00:00:01Z")]
    [TestCase("user: alice")]
    public void Accepts_schedules(string fields)
    {
        using var folder = new ConfigFolder();

        Assert.That(() => folder.Load(Database + Schedule(fields)), Throws.Nothing);
    }

    [TestCase("name: ''", "name: is required")]
    [TestCase("name: every night", $"name: {NameExpected}, or have an id beside it that does")]
    [TestCase("id: a/b", $"id: {NameExpected}")]
    [TestCase("cron: ''", "cron: is required")]
    [TestCase("cron: '* * *'", "cron: must be a cron expression of 5 fields (minute hour day month weekday), 6 (with seconds before) or one of "
        + "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every_minute, @every_second: it has 3 fields")]
    [TestCase("day: xor", "day: must be one of and, or")]
    [TestCase("cron: 0 0 31 2 *", "cron: never comes true: no month has such a day")]
    [TestCase("timezone: Berlin", "timezone: must be the IANA name of a time zone that this machine knows, such as Europe/Berlin or UTC")]
    [TestCase("misfire: never", "misfire: must be one of skip, once, all")]
    [TestCase("overlap: wait", "overlap: must be one of allow, skip, queue, replace")]
    [TestCase("max_lateness: 0s", "max_lateness: must be 1s to 366d")]
    [TestCase("max_lateness: soon", "max_lateness: must be a duration: 500ms, 30s, 5m, 2h, 7d or hh:mm:ss")]
    [TestCase("starts_at: 2026-01-01", $"starts_at: {TimeExpected}")]
    [TestCase("ends_at: 2026-01-01T00:00:00", $"ends_at: {TimeExpected}")]
    [TestCase("user: ''", "user: is required")]
    [TestCase("command_criteria: []", "command_criteria: is required: empty criteria would match anything")]
    [TestCase("cluster_criteria: ['']", "cluster_criteria[0]: must not be an empty tag")]
    [TestCase("context: {}", "context: is required: the query, and how to run it")]
    [TestCase("every: minute", "every: is not a known key; known here: id, name, version, description, cron, day, timezone, misfire, max_lateness, overlap, starts_at, ends_at, user, tags, command_criteria, cluster_criteria, target, max_parallel, canary, stop_after_failures, on_end, context")]
    public void Rejects_schedules(string fields, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf(Database + Schedule(fields)), Is.EqualTo(new[] { $"test.yaml:5: schedules[0].{expected}" }));
    }

    [Test]
    public void Rejects_an_end_before_the_start()
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Database + Schedule("starts_at: 2026-01-02T00:00:00Z\n    ends_at: 2026-01-02T00:00:00Z"));

        Assert.That(problems, Is.EqualTo(new[] { "test.yaml:6: schedules[0].ends_at: must be after starts_at" }));
    }

    [Test]
    public void Rejects_two_schedules_with_one_name()
    {
        using var folder = new ConfigFolder();
        var one = Schedule("name: nightly");

        var problems = folder.ProblemsOf(Database + one + one[one.IndexOf("  -\n", StringComparison.Ordinal)..]);

        Assert.That(problems, Has.One.EndsWith("schedules[1].name: is the name of schedules[0] too"));
    }

    [Test]
    public void The_example_in_the_reference_is_right()
    {
        using var folder = new ConfigFolder();
        var yaml = File.ReadAllText(Repository.PathOf("configs/local.yaml"));
        var example = yaml[yaml.IndexOf("# schedules:", StringComparison.Ordinal)..];

        var schedule = folder.Load(Database + Regex.Replace(example, "^# ", "", RegexOptions.Multiline)).Schedules.Single();

        Assert.That((schedule.Name, schedule.Cron, schedule.MaxLateness), Is.EqualTo(("nightly-raise", "30 2 * * *", (TimeSpan?)TimeSpan.FromHours(2))));
        Assert.That(schedule.Context["query"]!.GetValue<string>(), Is.EqualTo("raise_salaries.sql"));
    }

    /// <summary>One schedule: the fields from line 5 on, then what is required and not among them.</summary>
    private static string Schedule(string fields)
    {
        var all = $"schedules:\n  -\n    {fields}\n";
        foreach (var (key, value) in new[]
        {
            ("name", "nightly"), ("cron", "0 3 * * *"), ("command_criteria", "[a]"), ("cluster_criteria", "[b]"), ("context", "{ query: select 1 }"),
        })
        {
            all += Regex.IsMatch(fields, $"^{key}:") ? "" : $"    {key}: {value}\n";
        }
        return all;
    }
}
