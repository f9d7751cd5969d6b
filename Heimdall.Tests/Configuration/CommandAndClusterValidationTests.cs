using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

public sealed class CommandAndClusterValidationTests
{
    private const string Database = """
        database:
          connection_string: postgresql://heimdall@127.0.0.1/heimdall

        """;

    private static readonly string _long = new('x', 301);

    [TestCase("status: INACTIVE")]
    [TestCase("id: another")]
    [TestCase("allowed_callers: [alice, 'team-[a-z]+', .*]")]
    [TestCase("cluster_tags: [_name:postgres, data:local]")]
    [TestCase("context: { row_limit: 5 }")]
    [TestCase("tags: []")]
    public void Accepts_commands(string fields)
    {
        using var folder = new ConfigFolder();

        Assert.That(() => folder.Load(Database + Command(fields)), Throws.Nothing);
    }

    [TestCase("name: ''", "name: is required")]
    [TestCase("name: LONG", "name: must not be longer than 300 characters")]
    [TestCase("id: ''", "id: must not be blank; leave it out to use the name")]
    [TestCase("id: Statuses", "id: must not be 'statuses', the last word of an address of REST's own")]
    [TestCase("id: LONG", "id: must not be longer than 300 characters")]
    [TestCase("status: on", "status: must be active or inactive")]
    [TestCase("plugin: ''", "plugin: is required")]
    [TestCase("plugin: mysql", "plugin: is not a known plugin; known: postgres")]
    [TestCase("plugin: Postgres", "plugin: is not a known plugin; known: postgres")]
    [TestCase("version: ''", "version: is required")]
    [TestCase("version: LONG", "version: must not be longer than 32 characters")]
    [TestCase("tags: ['']", "tags[0]: must not be an empty tag")]
    [TestCase("tags: [ok, ' ']", "tags[1]: must not be an empty tag")]
    [TestCase("tags: [~]", "tags[0]: must not be an empty tag")]
    [TestCase("tags: ['ok ']", "tags[0]: must not begin or end with a blank")]
    [TestCase("tags: [LONG]", "tags[0]: must not be longer than 300 characters")]
    [TestCase("tags: [_id:x]", "tags[0]: must not begin with _id:, _name:, _version:: the system sets these tags")]
    [TestCase("tags: [_name:x]", "tags[0]: must not begin with _id:, _name:, _version:: the system sets these tags")]
    [TestCase("tags: [_version:x]", "tags[0]: must not begin with _id:, _name:, _version:: the system sets these tags")]
    [TestCase("cluster_tags: []", "cluster_tags: is required: without tags the command would run on every cluster")]
    [TestCase("cluster_tags:", "cluster_tags: is required: without tags the command would run on every cluster")]
    [TestCase("cluster_tags: [ok, '']", "cluster_tags[1]: must not be an empty tag")]
    [TestCase("allowed_callers: [ok, 'a(b']", "allowed_callers[1]: must be a regular expression")]
    [TestCase("allowed_callers: ['a)|(b']", "allowed_callers[0]: must be a regular expression")]
    [TestCase("allowed_callers: ['(?x)a # b']", "allowed_callers[0]: must be a regular expression")]
    [TestCase("allowed_callers: ['(?!root).*']", "allowed_callers[0]: must do without what needs backtracking: lookarounds, backreferences, atomic groups and conditions")]
    [TestCase("allowed_callers: ['']", "allowed_callers[0]: must be a regular expression")]
    [TestCase("context: { row_limit: -1 }", "context.row_limit: must not be negative")]
    public void Rejects_commands(string fields, string expected)
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Database + Command(fields.Replace("LONG", _long, StringComparison.Ordinal)));

        Assert.That(problems, Is.EqualTo(new[] { $"test.yaml:5: commands[0].{expected}" }));
    }

    [TestCase("name: ''", "name: is required")]
    [TestCase("status: ''", "status: must be active or inactive")]
    [TestCase("version: LONG", "version: must not be longer than 32 characters")]
    [TestCase("tags: [a, _id:x]", "tags[1]: must not begin with _id:, _name:, _version:: the system sets these tags")]
    [TestCase("weight: 0", "weight: must be between 1 and 1000")]
    [TestCase("weight: 1001", "weight: must be between 1 and 1000")]
    [TestCase("max_inline: 0", "max_inline: must be greater than 0")]
    [TestCase("max_concurrency: 0", "max_concurrency: must be greater than 0; leave it out for no limit")]
    [TestCase("context: {}", "context.connection_string: is required by postgres")]
    [TestCase("context:", "context.connection_string: is required by postgres")]
    [TestCase("context: { connection_string: '${file:/nowhere}' }", "context.connection_string: ${file:/nowhere}: the file does not exist")]
    public void Rejects_clusters(string fields, string expected)
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Database + Cluster(fields.Replace("LONG", _long, StringComparison.Ordinal)));

        Assert.That(problems, Is.EqualTo(new[] { $"test.yaml:5: clusters[0].{expected}" }));
    }

    [Test]
    public void Rejects_a_description_that_is_too_long()
    {
        using var folder = new ConfigFolder();
        var description = $"description: {new string('x', 2001)}";

        Assert.That(folder.ProblemsOf(Database + Command(description)).Single(), Does.EndWith("description: must not be longer than 2000 characters"));
        Assert.That(folder.ProblemsOf(Database + Cluster(description)).Single(), Does.EndWith("description: must not be longer than 2000 characters"));
    }

    [Test]
    public void Every_bad_item_of_every_list_is_reported()
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Database + """
            clusters:
              - { name: one, tags: ['', ok, ' padded', '   '], context: {} }
              - { name: two, tags: ['', _id:x], context: {} }
            """);

        Assert.That(problems.Select(problem => problem.Split(": ")[1]), Is.EqualTo(new[]
        {
            "clusters[0].tags[0]", "clusters[0].tags[2]", "clusters[0].tags[3]", "clusters[0].context.connection_string",
            "clusters[1].tags[0]", "clusters[1].tags[1]", "clusters[1].context.connection_string",
        }));
    }

    [Test]
    public void Rejects_two_clusters_with_one_name_or_one_id()
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(Database + """
            clusters:
              - { name: one, context: { connection_string: host=x } }
              - { name: one, context: { connection_string: host=x } }
              - { name: two, id: one, context: { connection_string: host=x } }
              - { name: three, id: four, context: { connection_string: host=x } }
              - { name: four, context: { connection_string: host=x } }
              - { name: one, id: six, context: { connection_string: host=x } }
            """);

        Assert.That(problems, Is.EqualTo(new[]
        {
            "test.yaml:5: clusters[1].name: is the name of clusters[0] too",
            "test.yaml:6: clusters[2].id: is the id of clusters[0] too; without an id the name is used",
            "test.yaml:8: clusters[4].id: is the id of clusters[3] too; without an id the name is used",
            "test.yaml:9: clusters[5].name: is the name of clusters[0] too",
        }));
    }

    [Test]
    public void A_command_and_a_cluster_may_share_a_name()
    {
        using var folder = new ConfigFolder();

        Assert.That(() => folder.Load(Database + Command("name: same") + Cluster("name: same")), Throws.Nothing);
    }

    [Test]
    public void A_cluster_is_checked_by_every_plugin_whose_commands_reach_it()
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(
            Database + """
            commands:
              - { name: one, plugin: postgres, version: 1, cluster_tags: [type:postgres] }
              - { name: again, plugin: postgres, version: 1, cluster_tags: [type:postgres] }
              - { name: two, plugin: other, version: 1, cluster_tags: [_name:both] }
            clusters:
              - { name: mine, tags: [type:postgres], context: {} }
              - { name: both, tags: [type:postgres, data:local], context: {} }
              - { name: nobodys, tags: [type:mysql], context: {} }
            """,
            new StubPlugin("postgres"),
            new StubPlugin("other"));

        Assert.That(problems, Is.EqualTo(new[]
        {
            "test.yaml:8: clusters[0].context.connection_string: is required by postgres",
            "test.yaml:9: clusters[1].context.connection_string: is required by postgres",
            "test.yaml:9: clusters[1].context.connection_string: is required by other",
        }));
    }

    /// <summary>A command that is right, but for what is given; all of it on the fifth line's entry.</summary>
    private static string Command(string fields) => Entry("commands", fields, "name: one", "plugin: postgres", "version: 0.0.1", "cluster_tags: [type:postgres]");

    private static string Cluster(string fields) => Entry("clusters", fields, "name: one", "context: { connection_string: host=x }");

    private static string Entry(string list, string field, params string[] usual)
    {
        var key = field[..field.IndexOf(':', StringComparison.Ordinal)];
        var others = usual.Where(other => !other.StartsWith(key + ":", StringComparison.Ordinal));

        return $"{list}:\n  -\n    {string.Join("\n    ", others.Prepend(field))}\n";
    }
}
