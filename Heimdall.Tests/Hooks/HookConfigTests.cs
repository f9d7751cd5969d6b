using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Tests.Configuration;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

public sealed class HookConfigTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string UrlExpected =
        "must be an absolute http or https URL without a user, such as https://hooks.example.org/heimdall";

    private const string MailUrlExpected =
        "must be smtp:// or smtps:// with a host, such as smtp://mail.example.org:587; the user has a key of its own";

    private const string Mail = "kind: mail, secrets: [], url: 'smtp://hooks.example.org'";
    private const string Addresses = "from: a@example.org, to: [b@example.org]";

    private const string SecretText =
        "whsec_ and 24 to 64 random bytes in base64, as `openssl rand -base64 32` prints";

    [TestCase("url: https://hooks.example.org/a?b=c")]
    [TestCase("url: https://HOOKS.example.org:8443/")]
    [TestCase("url: http://a.chat.example.com/")]
    [TestCase("url: http://10.1.2.3/")]
    [TestCase("url: 'http://[::1]:80/'")]
    [TestCase("kind: slack, secrets: []")]
    [TestCase($"{Mail}, {Addresses}")]
    [TestCase($"kind: mail, secrets: [], url: 'smtps://hooks.example.org:465', {Addresses}, user: a, password: b")]
    [TestCase("events: [job.ended, schedule.late, cluster.down, queue.slow, job.unapproved], statuses: [FAILED]")]
    [TestCase("commands: [x], cluster_tags: [y], allowed_callers: [a.*]")]
    public void Accepts_hooks(string fields)
    {
        using var folder = new ConfigFolder();

        Assert.That(() => folder.Load(Hook(fields)), Throws.Nothing);
    }

    [TestCase("id: ''", "id: is required")]
    [TestCase("id: a b", "id: must have 1 to 100 letters, digits and . _ - only")]
    [TestCase("kind: pager", "kind: must be one of webhook, slack, mail")]
    [TestCase("url: ''", "url: is required")]
    [TestCase("url: hooks.example.org", $"url: {UrlExpected}")]
    [TestCase("url: ftp://hooks.example.org/", $"url: {UrlExpected}")]
    [TestCase("url: https://me:secret@hooks.example.org/", $"url: {UrlExpected}")]
    [TestCase("url: 'https://hooks.example.org/#a'", $"url: {UrlExpected}")]
    [TestCase("url: https://example.org/", "url: leads to example.org, which is not in hooks.allow")]
    [TestCase("url: http://127.0.0.1/", "url: leads to 127.0.0.1, which is not in hooks.allow")]
    [TestCase("url: http://0x7f.1/", "url: leads to 127.0.0.1, which is not in hooks.allow")]
    [TestCase("url: '${env:HEIMDALL_NO_SUCH}'", "url: ${env:HEIMDALL_NO_SUCH}: the environment variable is not set")]
    [TestCase("secrets: []", $"secrets: is required: {SecretText}")]
    [TestCase("secrets: [whsec_c2hvcnQ=]", $"secrets[0]: must be {SecretText}")]
    [TestCase("kind: slack", "secrets: are of a hook of kind webhook only")]
    [TestCase("events: [job.begun]",
        "events[0]: must be one of job.ended, schedule.late, cluster.down, queue.slow, job.unapproved")]
    [TestCase("statuses: [RUNNING]", "statuses[0]: must be one of SUCCEEDED, FAILED, CANCELED, KILLED")]
    [TestCase("allowed_callers: ['(']", "allowed_callers[0]: must be a regular expression")]
    [TestCase("from: a@example.org", "from: is of a hook of kind mail only, and so are to, user and password")]
    [TestCase($"kind: mail, secrets: [], url: 'https://hooks.example.org', {Addresses}", $"url: {MailUrlExpected}")]
    [TestCase($"{Mail}, from: ops, to: [b@example.org]", "from: must be an address such as heimdall@example.org")]
    [TestCase($"{Mail}, from: a@example.org", "to: must be 1 to 100 addresses such as ops@example.org")]
    [TestCase(
        $"{Mail}, {Addresses}, user: '${{env:HEIMDALL_NO_SUCH}}', password: x",
        "user: ${env:HEIMDALL_NO_SUCH}: the environment variable is not set")]
    [TestCase($"{Mail}, {Addresses}, user: x", "password: goes with user: both or neither")]
    [TestCase(
        $"{Mail}, {Addresses}, user: x, password: y, tls: false",
        "tls: must be true where there is a user: the password would be sent in clear")]
    public void Rejects_hooks(string fields, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(
            folder.ProblemsOf(Hook(fields)), Is.EqualTo(new[] { $"test.yaml:7: hooks.receivers[0].{expected}" }));
    }

    [TestCase("allow: ['http://example.org']", "allow[0]")]
    [TestCase("allow: [10.0.0.1/8]", "allow[0]")]
    [TestCase("allow: ['a b']", "allow[0]")]
    [TestCase("allow: [1.2.3.4.5]", "allow[0]")]
    [TestCase("timeout: 2m", "timeout")]
    [TestCase("retry_for: 8d", "retry_for")]
    [TestCase("retry_after: 0s", "retry_after")]
    [TestCase("schedule_late_after: 1s", "schedule_late_after")]
    [TestCase("queue_older_than: 0s", "queue_older_than")]
    public void Rejects_settings(string setting, string path)
    {
        using var folder = new ConfigFolder();

        Assert.That(
            folder.ProblemsOf($"""
                database: {"{"}connection_string: postgresql://heimdall@127.0.0.1/heimdall{"}"}
                hooks: {"{"}{setting}{"}"}
                """),
            Has.Length.EqualTo(1).And.All.Contain($"hooks.{path}: must"));
    }

    [Test]
    public void Rejects_hooks_that_a_command_or_a_schedule_names_and_there_are_not()
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Hook("") + """

            commands:
              - {name: c, plugin: postgres, version: 1, cluster_tags: [a], on_end: [{hook: opps}, {hook: ops, on: [DONE]}]}
            schedules:
              - {name: s, cron: 0 0 * * *, command_criteria: [a], cluster_criteria: [b], context: {query: x},
                  on_end: [{on: [FAILED]}]}
            """);

        var told = problems.Select(problem => problem[(problem.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        Assert.That(told, Is.EqualTo(new[]
        {
            "commands[0].on_end[0].hook: is no hook; there are: ops",
            "commands[0].on_end[1].on[0]: must be one of SUCCEEDED, FAILED, CANCELED, KILLED",
            "schedules[0].on_end[0].hook: is required: the id of a receiver in hooks.receivers",
        }));
    }

    [Test]
    public void Of_a_list_that_is_too_long_no_entry_is_looked_at()
    {
        var entries = Enumerable.Repeat(new OnEndConfig(), OnEndRules.Most + 1).ToArray();
        var statuses = new OnEndConfig { Hook = "ops", On = ["FAILED", "a", "b", "c", "d"] };

        Assert.That(OnEndRules.FindProblems(entries, ["ops"]), Is.EqualTo(new[] { ("", "must not be more than 10") }));
        Assert.That(
            OnEndRules.FindProblems([statuses], ["ops"]), Is.EqualTo(new[] { ("[0].on", "must not be more than 4") }));
    }

    [Test]
    public void Rejects_two_hooks_with_one_id()
    {
        using var folder = new ConfigFolder();

        Assert.That(
            folder.ProblemsOf(
                Hook("") + $"\n    - {{id: ops, url: 'https://hooks.example.org/', secrets: [{Secret}]}}"),
            Is.EqualTo(new[] { "test.yaml:8: hooks.receivers[1].id: is the id of hooks.receivers[0] too" }));
    }

    /// <summary>A right hook in the seventh line, with some fields changed.</summary>
    private static string Hook(string fields)
    {
        var all = new Dictionary<string, string>
        {
            ["id"] = "id: ops", ["url"] = "url: 'https://hooks.example.org/'", ["secrets"] = $"secrets: [{Secret}]",
        };
        var names = fields.Split(", ").Select(field => field.Split(':')[0]);
        var kept = all.Where(field => !names.Contains(field.Key)).Select(field => field.Value);
        return $$"""
            database:
              connection_string: postgresql://heimdall@127.0.0.1/heimdall
            hooks:
              allow: [hooks.example.org, '*.chat.example.com',
                10.0.0.0/8, '::1']
              receivers:
                - {{{string.Join(", ", kept.Append(fields).Where(field => field.Length > 0))}}}
            """;
    }
}
