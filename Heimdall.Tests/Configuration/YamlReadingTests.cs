using System.Globalization;
using Heimdall.Core.Configuration;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

/// <summary>What values YAML may hold, and how they arrive.</summary>
public sealed class YamlReadingTests
{
    private const string Database = """
        database:
          connection_string: postgresql://heimdall@127.0.0.1/heimdall

        """;

    [TestCase("500ms", "00:00:00.500")]
    [TestCase("30s", "00:00:30")]
    [TestCase("5m", "00:05:00")]
    [TestCase("2h", "02:00:00")]
    [TestCase("1d", "1.00:00:00")]
    [TestCase("'30s'", "00:00:30")]
    [TestCase("01:02:03", "01:02:03")]
    [TestCase("1:02:03", "01:02:03")]
    public void Accepts_durations(string written, string expected)
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database + $"worker: {{ drain_timeout: {written} }}");

        Assert.That(config.Worker.DrainTimeout, Is.EqualTo(TimeSpan.Parse(expected, CultureInfo.InvariantCulture)));
    }

    [TestCase("30")]
    [TestCase("30 s")]
    [TestCase("1.5h")]
    [TestCase("-5s")]
    [TestCase("5S")]
    [TestCase("5w")]
    [TestCase("10m30s")]
    [TestCase("99999999d")]
    [TestCase("00:61:00")]
    [TestCase("00:30")]
    [TestCase("1.00:00:00")]
    [TestCase("''")]
    public void Rejects_other_durations(string written)
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Database + $"worker:\n  drain_timeout: {written}");

        Assert.That(problems, Is.EqualTo(new[] { "test.yaml:4: worker.drain_timeout: must be a duration: 500ms, 30s, 5m, 2h, 7d or hh:mm:ss" }));
    }

    [TestCase("worker: { concurrency: '5' }", "worker.concurrency: must be a whole number up to 2147483647")]
    [TestCase("worker: { concurrency: 5.0 }", "worker.concurrency: must be a whole number up to 2147483647")]
    [TestCase("worker: { concurrency: 2147483648 }", "worker.concurrency: must be a whole number up to 2147483647")]
    [TestCase("results: { max_bytes: 9223372036854775808 }", "results.max_bytes: must be a whole number up to 9223372036854775807")]
    [TestCase("results: { enabled: yes }", "results.enabled: must be true or false")]
    [TestCase("results: { enabled: 'true' }", "results.enabled: must be true or false")]
    [TestCase("results: [enabled]", "results: must be a mapping of keys to values")]
    [TestCase("commands: { name: one }", "commands: must be a list")]
    [TestCase("commands: [one]", "commands[0]: must be a mapping of keys to values")]
    [TestCase("clusters: [{ name: [one], context: { connection_string: host=x } }]", "clusters[0].name: must be text, not a list")]
    [TestCase("clusters: [{ name: one, context: text }]", "clusters[0].context: must be a mapping of keys to values")]
    [TestCase("clusters: [{ name: one, tags: [type: postgres], context: { connection_string: host=x } }]", "clusters[0].tags[0]: must be text, not a mapping")]
    [TestCase("clusters: [{ name: one, context: { connection_string: .inf } }]", "clusters[0].context.connection_string: is a number that JSON cannot hold; write it in quotes if text is meant")]
    [TestCase("clusters: [{ name: one, context: { connection_string: host=x, connection_string: y } }]", "clusters[0].context.connection_string: is written twice")]
    [TestCase("auth: { is_configured: true }",
        "auth.is_configured: is not a known key; known here: header, trusted_proxies, api_keys, jwt, oidc, roles, default_role")]
    [TestCase("worker: { Concurrency: 5 }", "worker.Concurrency: is not a known key; known here: concurrency, lease, drain_timeout, health_socket, max_lost_attempts, cluster_tags")]
    [TestCase("worker: { [a]: 5 }", "worker: holds a key that is not a plain word (is a blank missing after a colon?)")]
    [TestCase("worker: { concurrency:5 }", "worker: holds a key that is not a plain word (is a blank missing after a colon?)")]
    public void Rejects_what_does_not_fit_the_key(string yaml, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf(Database + yaml), Is.EqualTo(new[] { $"test.yaml:3: {expected}" }));
    }

    [TestCase("worker:")]
    [TestCase("worker: ~")]
    [TestCase("worker: { concurrency: , lease: null }")]
    [TestCase("commands:")]
    [TestCase("sql_directory:")]
    public void A_key_without_a_value_keeps_its_default(string yaml)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.Load(Database + yaml).Worker, Is.EqualTo(new WorkerConfig()));
    }

    [Test]
    public void A_version_is_text_as_it_was_written()
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database + """
            clusters:
              - { name: one, version: 1.0, context: { connection_string: host=x } }
              - { name: two, version: 0x10, context: { connection_string: host=x } }
              - { name: "true", version: 1.10, context: { connection_string: host=x } }
            """);

        Assert.That(config.Clusters.Select(cluster => cluster.Version), Is.EqualTo(new[] { "1.0", "0x10", "1.10" }));
    }

    [TestCase("text", "\"text\"")]
    [TestCase("'5'", "\"5\"")]
    [TestCase("\"true\"", "\"true\"")]
    [TestCase("!!str 5", "\"5\"")]
    [TestCase("|\n    two\n    lines", "\"two\\nlines\\n\"")]
    [TestCase("5", "5")]
    [TestCase("-007", "-7")]
    [TestCase("0x1F", "31")]
    [TestCase("0o17", "15")]
    [TestCase("123456789012345678901234567890", "123456789012345678901234567890")]
    [TestCase("1.50", "1.5")]
    [TestCase("true", "true")]
    [TestCase("False", "false")]
    [TestCase("~", "null")]
    [TestCase("", "null")]
    [TestCase("yes", "\"yes\"")]
    [TestCase("1_000", "\"1_000\"")]
    [TestCase("2026-01-31", "\"2026-01-31\"")]
    [TestCase("0.0.1", "\"0.0.1\"")]
    [TestCase("type:postgres", "\"type:postgres\"")]
    [TestCase("{ b: [1, a, { c: null }] }", "{\"b\":[1,\"a\",{\"c\":null}]}")]
    public void The_values_of_a_context_arrive_by_the_core_schema(string written, string expected)
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database + $"clusters:\n- name: one\n  context:\n   connection_string: {written}\n");

        Assert.That(config.Clusters[0].Context.ToJsonString(), Is.EqualTo($"{{\"connection_string\":{expected}}}"));
    }

    [Test]
    public void A_number_of_a_context_converts_as_one_from_JSON_does()
    {
        using var folder = new ConfigFolder();

        var limit = folder.Load(Database + "clusters: [{ name: one, context: { connection_string: 5 } }]").Clusters[0].Context["connection_string"]!;

        Assert.That(limit.GetValue<int>(), Is.EqualTo(5));
        Assert.That(limit.GetValue<long>(), Is.EqualTo(5));
        Assert.That(limit.GetValue<double>(), Is.EqualTo(5));
    }

    [Test]
    public void An_alias_stands_for_what_was_anchored()
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database + """
            clusters:
              - { name: one, tags: &tags [a, b], context: &context { connection_string: host=x } }
              - { name: two, tags: *tags, context: *context }
            """);

        Assert.That(config.Clusters[1].Tags, Is.EqualTo(new[] { "a", "b" }));
        Assert.That(config.Clusters[1].Context.ToJsonString(), Is.EqualTo(config.Clusters[0].Context.ToJsonString()));
    }
}
