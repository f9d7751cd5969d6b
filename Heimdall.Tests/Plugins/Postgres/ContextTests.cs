using System.Diagnostics;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

[CancelAfter(30_000)]
public sealed class ContextTests
{
    private string _root = null!;
    private PostgresPlugin _plugin = null!;
    private ClusterConnections _connections = null!;

    [SetUp]
    public void MakeDirectory()
    {
        _root = Directory.CreateTempSubdirectory("heimdall-files").FullName;
        Directory.CreateDirectory(Path.Combine(_root, "sql", "sub"));
        _connections = new ClusterConnections(NullLogger<ClusterConnections>.Instance);
        _plugin = new PostgresPlugin(_connections, new ScriptFolder(Path.Combine(_root, "sql")), TimeProvider.System);
    }

    [TearDown]
    public async Task DeleteDirectory()
    {
        await _connections.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Test]
    public void Every_problem_of_a_job_is_told_at_once()
    {
        var refusal = Refuse("""{"query": " ", "return_result": "yes", "timeout_seconds": 0, "row_limit": 1.5, "transaction": "nowhere", "read_only": 1, "role": "a\u0000b", "nonsense": 1}""");

        Assert.That(
            refusal.Problems.Select(problem => problem.Path),
            Is.EquivalentTo(new[] { "query", "return_result", "timeout_seconds", "row_limit", "transaction", "read_only", "role", "nonsense" }));
    }

    [TestCase("""{}""", "query", "missing")]
    [TestCase("""{"query": "select 1", "row_limit": 1}""", "row_limit", "return_result")]
    [TestCase("""{"query": "select 1", "read_only": true}""", "read_only", "return_result")]
    [TestCase("""{"query": "select 1", "timeout_seconds": 11}""", "timeout_seconds", "above the command's max_timeout_seconds of 10")]
    [TestCase("""{"query": "select 1", "return_result": true, "row_limit": 101}""", "row_limit", "above the command's max_row_limit of 100")]
    public void Refuses(string job, string path, string says)
    {
        var refusal = Refuse(job, """{"max_timeout_seconds": 10, "max_row_limit": 100}""");

        Assert.That(refusal.Problems.Single().Path, Is.EqualTo(path));
        Assert.That(refusal.Problems.Single().Message, Does.Contain(says));
    }

    [Test]
    public void A_command_gives_defaults_and_a_ceiling_is_one()
    {
        var context = JobSettings.Read(
            PluginTestServer.Json("""{"return_result": true, "max_timeout_seconds": 10, "row_limit": 5, "read_only": true, "role": "r"}"""),
            PluginTestServer.Json("""{"query": "select 1", "row_limit": 7}"""));

        Assert.That((context.ReturnResult, context.Timeout, context.RowLimit, context.ReadOnly, context.Role), Is.EqualTo((true, (TimeSpan?)TimeSpan.FromSeconds(10), (long?)7, true, "r")));
    }

    [TestCase("{}", null, 10)]
    [TestCase("""{"max_timeout_seconds": 5}""", null, 5)]
    [TestCase("""{"max_timeout_seconds": 20, "timeout_seconds": 15}""", null, 10)]
    [TestCase("{}", 7, 7)]
    public void The_lower_ceiling_of_command_and_cluster_holds(string command, int? asked, int expected)
    {
        var job = new System.Text.Json.Nodes.JsonObject { ["query"] = "select 1", ["timeout_seconds"] = asked };

        var plan = _plugin.Plan(PluginTestServer.Json(command), job, PluginTestServer.Json("""{"connection_string": "${env:SECRET}", "max_timeout_seconds": 10}"""));

        Assert.That(plan.Timeout, Is.EqualTo(TimeSpan.FromSeconds(expected)));
    }

    [Test]
    public void A_read_only_command_stays_so()
    {
        Assert.That(Refuse("""{"query": "select 1", "return_result": true, "read_only": false}""", """{"read_only": true}""").Problems.Single().Path, Is.EqualTo("read_only"));
        Assert.That(Refuse("""{"query": "select 1"}""", """{"read_only": true}""").Problems.Single().Path, Is.EqualTo("read_only"));
    }

    [TestCase("""{"max_timeout_seconds": 1, "timeout_seconds": 2}""", "timeout_seconds")]
    [TestCase("""{"query": "select 1"}""", "query")]
    [TestCase("""{"transaction": "nowhere"}""", "transaction")]
    public void Checks_a_command(string command, string path) =>
        Assert.That(_plugin.CheckCommand(PluginTestServer.Json(command)).Single().Path, Is.EqualTo(path));

    [TestCase("""{"connection_string": "postgresql://u@localhost/d"}""")]
    [TestCase("""{}""", "connection_string")]
    [TestCase("""{"connection_string": 5}""", "connection_string")]
    [TestCase("""{"connection_string": "postgresql://user:password@host:port/database"}""", "connection_string")]
    [TestCase("""{"connection_string": "postgresql://u@localhost/d", "host": "x"}""", "host")]
    [TestCase("""{"connection_string": "postgresql://u@localhost/d", "max_timeout_seconds": 0}""", "max_timeout_seconds")]
    public void Checks_a_cluster(string cluster, params string[] paths) =>
        Assert.That(_plugin.CheckCluster(PluginTestServer.Json(cluster)).Select(problem => problem.Path), Is.EqualTo(paths));

    [TestCase("postgresql://u:s3cret@localhost/d?sslnegotiation=direct")]
    [TestCase("Host=localhost;Username=u;Password=s3cret;Minimum Pool Size=200")]
    [TestCase("Host=localhost;Username=u;Password=s3cret;Maximum Pool Size=0")]
    public async Task A_connection_string_of_which_no_connection_can_be_made_is_a_problem(string connectionString, CancellationToken cancellationToken)
    {
        var context = new System.Text.Json.Nodes.JsonObject { ["connection_string"] = connectionString };

        var problem = _plugin.CheckCluster(context).Single();
        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _plugin.ProbeAsync(new PluginCluster("c", context), cancellationToken))).Failure;

        Assert.That(problem.Path, Is.EqualTo("connection_string"));
        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Unavailable));
        Assert.That(problem.Message + failure.Message, Does.Not.Contain("s3cret"));
    }

    [TestCase("a.sql", true)]
    [TestCase(" Sub/A.SQL\n", true)]
    [TestCase("select * from a.sql;", false)]
    [TestCase("select 1\nfrom a.sql", false)]
    [TestCase("select 'a.sql", false)]
    [TestCase("a.sqlx", false)]
    public void Tells_paths_from_sql(string query, bool isPath) => Assert.That(ScriptFolder.IsPath(query), Is.EqualTo(isPath));

    [TestCase("../secret.sql")]
    [TestCase("/etc/secret.sql")]
    [TestCase("sub/../../secret.sql")]
    [TestCase("./../secret.sql")]
    [TestCase("sub//one.sql")]
    [TestCase("..\\secret.sql")]
    [TestCase("link.sql")]
    [TestCase("linked/secret.sql")]
    [TestCase("detour.sql")]
    [TestCase("loop.sql")]
    [TestCase("directory.sql")]
    [TestCase("pipe.sql")]
    [TestCase("missing.sql")]
    [TestCase("none/missing.sql")]
    [TestCase("secret.sql\u0000.sql", "query")]
    public void Nothing_but_scripts_of_the_directory_can_be_named(string path, string? named = null)
    {
        File.WriteAllText(Path.Combine(_root, "secret.sql"), "select 1");
        File.WriteAllText(Path.Combine(_root, "sql", "sub", "one.sql"), "select 1");
        Directory.CreateDirectory(Path.Combine(_root, "sql", "directory.sql"));
        File.CreateSymbolicLink(Path.Combine(_root, "sql", "link.sql"), Path.Combine(_root, "secret.sql"));
        File.CreateSymbolicLink(Path.Combine(_root, "sql", "loop.sql"), Path.Combine(_root, "sql", "loop.sql"));
        Directory.CreateSymbolicLink(Path.Combine(_root, "sql", "linked"), _root);
        File.CreateSymbolicLink(Path.Combine(_root, "sql", "detour.sql"), Path.Combine("linked", "secret.sql"));
        using var mkfifo = Process.Start("mkfifo", Path.Combine(_root, "sql", "pipe.sql"));
        mkfifo.WaitForExit();

        var refusal = Refuse(new System.Text.Json.Nodes.JsonObject { ["query"] = path }.ToJsonString());

        Assert.That(refusal.Problems.Single().Path, Is.EqualTo("query"));
        Assert.That(refusal.Message, Does.Contain(named ?? path).And.Not.Contain(_root));
    }

    [Test]
    public void A_link_that_stays_inside_is_followed()
    {
        File.WriteAllText(Path.Combine(_root, "sql", "sub", "one.sql"), "select 1");
        File.CreateSymbolicLink(Path.Combine(_root, "sql", "inside.sql"), Path.Combine("sub", "one.sql"));
        File.CreateSymbolicLink(Path.Combine(_root, "sql", "sub", "back.sql"), Path.Combine(_root, "sql", "sub", "..", "inside.sql"));

        Assert.That(_plugin.Plan([], PluginTestServer.Json("""{"query": "sub/back.sql"}""")).ReturnResult, Is.False);
    }

    [TestCase("postgresql://nobody:s3cret@127.0.0.1:1/d", JobFailureKind.Unavailable)]
    [TestCase("postgresql://nobody:s3cret@no-such-host.invalid/d?connect_timeout=3", JobFailureKind.Unavailable)]
    [TestCase("postgresql://nobody:s3cret@127.0.0.1:{port}/no_such_database", JobFailureKind.Sql)]
    public async Task A_probe_that_fails_names_nothing(string connectionString, JobFailureKind kind, CancellationToken cancellationToken)
    {
        var cluster = new PluginCluster("c", new() { ["connection_string"] = connectionString.Replace("{port}", $"{TestDatabase.ServerPort}", StringComparison.Ordinal) });

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _plugin.ProbeAsync(cluster, cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(kind));
        Assert.That(failure.Message, Does.Not.Contain("nobody").And.Not.Contain("s3cret").And.Not.Contain("no-such").And.Not.Contain("no_such").And.Not.Contain("127.0"));
    }

    private JobRefusedException Refuse(string job, string command = "{}") =>
        Assert.Throws<JobRefusedException>(() => _plugin.Plan(PluginTestServer.Json(command), PluginTestServer.Json(job)))!;
}
