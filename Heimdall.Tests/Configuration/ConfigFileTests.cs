using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

public sealed class ConfigFileTests
{
    private const string Database = """
        database:
          connection_string: postgresql://heimdall@127.0.0.1/heimdall

        """;

    private static readonly PluginCatalog _plugins = new([new StubPlugin()]);

    [Test]
    public void A_database_is_all_that_is_required()
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database);

        Assert.That(config.Database, Is.EqualTo(new DatabaseConfig { ConnectionString = "postgresql://heimdall@127.0.0.1/heimdall" }));
        Assert.That(config.Server, Is.EqualTo(new ServerConfig()));
        Assert.That(config.Worker, Is.EqualTo(new WorkerConfig()));
        Assert.That(config.Results, Is.EqualTo(new ResultsConfig()));
        Assert.That(config.Auth.IsConfigured, Is.False);
        Assert.That(config.Commands, Is.Empty);
        Assert.That(config.Clusters, Is.Empty);
    }

    [TestCase("[type:postgres, data:local]", TestName = "In_flow_style")]
    [TestCase("\n      - type:postgres\n      - data:local", TestName = "In_block_style")]
    public void The_example_of_the_original_works_letter_for_letter(string tags)
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database + $"""
            commands:
              - name: postgres-0.0.1
                status: active
                plugin: postgres
                version: 0.0.1
                description: Test postgres command
                tags:
                  - type:postgres
                cluster_tags: {tags}
            clusters:
              - name: postgres
                context:
                  connection_string: "postgresql://user:p@localhost:5432/db"
                tags: {tags}
            """);

        var command = config.Commands.Single();
        var cluster = config.Clusters.Single();
        Assert.That((command.Name, command.Status, command.Plugin, command.Version), Is.EqualTo(("postgres-0.0.1", "active", "postgres", "0.0.1")));
        Assert.That(command.Description, Is.EqualTo("Test postgres command"));
        Assert.That(command.Tags, Is.EqualTo(new[] { "type:postgres" }));
        Assert.That(command.ClusterTags, Is.EqualTo(new[] { "type:postgres", "data:local" }));
        Assert.That((cluster.Name, cluster.Status), Is.EqualTo(("postgres", "active")));
        Assert.That(cluster.Context["connection_string"]!.GetValue<string>(), Is.EqualTo("postgresql://user:p@localhost:5432/db"));
        Assert.That(cluster.Tags, Is.EqualTo(new[] { "type:postgres", "data:local" }));
    }

    [Test]
    public void All_problems_of_a_file_are_reported_at_once_in_its_order()
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf("""
            database:
              conection_string: postgresql://me@localhost/db
            server:
              listen: localhost
              listen: http://127.0.0.1:9090
              health_timeout: 5 parsecs
              max_body_bytes: [1]
            worker:
              concurrency: many
              lease: 1s
            colour: blue
            commands:
              - name: one
                plugin: postgres
                version: 1.0
                cluster_tags: [type:postgres]
                tags: type:postgres
              - name: one
                plugin: mysql
                cluster_tags: []
                tags: [ok, " padded"]
            clusters:
              - name: two
                tags: [type:postgres]
                context:
                  conection_string: x
            """);

        Assert.That(problems, Is.EqualTo(new[]
        {
            "test.yaml:1: database.connection_string: is required",
            "test.yaml:2: database.conection_string: is not a known key; known here: connection_string, schema, hangfire_schema",
            "test.yaml:4: server.listen: must be an absolute http or https URL without a path, such as http://127.0.0.1:9090",
            "test.yaml:5: server.listen: is written twice",
            "test.yaml:6: server.health_timeout: must be a duration: 500ms, 30s, 5m, 2h, 7d or hh:mm:ss",
            "test.yaml:7: server.max_body_bytes: must be a whole number up to 9223372036854775807, not a list",
            "test.yaml:9: worker.concurrency: must be a whole number up to 2147483647",
            "test.yaml:10: worker.lease: must be between 2s and 5m",
            "test.yaml:11: colour: is not a known key; known here: database, server, auth, worker, queue, sql_directory, sql_uploads, results, retention, metrics, tracing, otlp, logging, secrets, hooks, commands, clusters, schedules",
            "test.yaml:17: commands[0].tags: must be a list",
            "test.yaml:18: commands[1].version: is required",
            "test.yaml:18: commands[1].name: is the name of commands[0] too",
            "test.yaml:19: commands[1].plugin: is not a known plugin; known: postgres",
            "test.yaml:20: commands[1].cluster_tags: is required: without tags the command would run on every cluster",
            "test.yaml:21: commands[1].tags[1]: must not begin or end with a blank",
            "test.yaml:25: clusters[0].context.connection_string: is required by postgres",
            "test.yaml:26: clusters[0].context.conection_string: is not known to postgres",
        }));
    }

    [Test]
    public void A_problem_is_printed_with_the_file_as_it_was_named()
    {
        using var folder = new ConfigFolder();
        var file = folder.Write("local.yaml", Database + "server:\n  listen: 9090\n");

        var exception = Assert.Throws<ConfigException>(() => ConfigFile.Load(file, _plugins));

        Assert.That(exception!.Message, Does.StartWith($"{file}:4: server.listen: must be"));
        Assert.That(exception.Problems.Single(), Is.EqualTo(new ConfigProblem(file, 4, "server.listen", exception.Problems[0].Message)));
    }

    [TestCase("", "test.yaml: the file is empty")]
    [TestCase("# only a comment\n", "test.yaml: the file is empty")]
    [TestCase("---\n...\n", "test.yaml: the file is empty")]
    [TestCase("just words", "test.yaml:1: the file must be a mapping of keys to values")]
    [TestCase("\n- a list", "test.yaml:2: the file must be a mapping of keys to values")]
    [TestCase("server:\n  listen: [}\n", "test.yaml:2: the file is not a YAML document: ")]
    [TestCase("server: {}\n  worker: {}", "test.yaml:2: the file is not a YAML document: ")]
    [TestCase("server: *none", "test.yaml:1: the file is not a YAML document: the alias names an anchor that is not defined before it")]
    [TestCase("server: {}\n---\nworker: {}", "test.yaml:2: the file is not a YAML document: the file holds more than one YAML document")]
    [TestCase("server: !!int 5", "test.yaml:1: the file is not a YAML document: of YAML's tags only !!str is supported")]
    public void Rejects_what_is_not_one_YAML_mapping(string content, string expected)
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(content);

        Assert.That(problems, Has.Length.EqualTo(1));
        Assert.That(problems[0], Does.StartWith(expected));
    }

    [Test]
    public void Rejects_a_file_that_does_not_exist()
    {
        var exception = Assert.Throws<ConfigException>(() => ConfigFile.Load("/nowhere/heimdall.yaml", _plugins));

        Assert.That(exception!.Message, Is.EqualTo("/nowhere/heimdall.yaml: the file does not exist"));
    }

    [Test]
    public void Rejects_a_folder_and_a_file_that_is_not_text()
    {
        using var folder = new ConfigFolder();
        var binary = folder.Write("binary.yaml", "");
        File.WriteAllBytes(binary, [0xFF, 0xFE, 0x80, 0xC0, 0xC1, 0x00]);

        Assert.That(() => ConfigFile.Load(folder.Path, _plugins), Throws.TypeOf<ConfigException>().With.Message.EqualTo($"{folder.Path}: the file cannot be read"));
        Assert.That(() => ConfigFile.Load(binary, _plugins), Throws.TypeOf<ConfigException>());
    }

    [Test]
    public void The_sql_directory_is_relative_to_the_file_and_comes_out_absolute()
    {
        using var folder = new ConfigFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "scripts"));

        Assert.That(folder.Load(Database).SqlDirectory, Is.EqualTo(Path.Combine(folder.Path, "sql")));
        Assert.That(folder.Load(Database + "sql_directory: ./scripts").SqlDirectory, Is.EqualTo(Path.Combine(folder.Path, "scripts")));
        Assert.That(folder.Load(Database + $"sql_directory: {folder.Path}").SqlDirectory, Is.EqualTo(folder.Path));
    }

    [Test]
    public void The_directory_of_results_is_relative_to_the_file_and_need_not_exist()
    {
        using var folder = new ConfigFolder();

        var config = folder.Load(Database + "results: {directory: new/results}");

        Assert.That(config.Results.Directory, Is.EqualTo(Path.Combine(folder.Path, "new", "results")));
        Assert.That(folder.Load(Database).Results.Directory, Is.Null);
        Assert.That(Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "sql", "test.yaml" }));
    }

    [TestCase("directory: test.yaml", "must be a directory or something that can become one: ")]
    [TestCase("directory: test.yaml/results", "must be a directory or something that can become one: ")]
    [TestCase("directory: ''", "must be a directory; leave it out")]
    [TestCase("directory: /proc/results", "must be a directory that can be written: /proc")]
    public void Rejects_a_directory_of_results_that_cannot_be_one(string yaml, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf(Database + $"results: {{{yaml}}}").Single(), Does.StartWith($"test.yaml:3: results.directory: {expected}"));
        Assert.That(folder.Load(Database + $"results: {{{yaml}, enabled: false}}").Results.Enabled, Is.False);
    }

    [TestCase("sql_directory: missing", "must be a directory that exists: ")]
    [TestCase("sql_directory: test.yaml", "must be a directory that exists: ")]
    [TestCase("sql_directory: ''", "is required")]
    public void Rejects_an_sql_directory_that_is_none(string yaml, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(folder.ProblemsOf(Database + yaml).Single(), Does.StartWith($"test.yaml:3: sql_directory: {expected}"));
    }
}
