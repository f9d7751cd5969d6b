using System.Net.Http.Json;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Commands and clusters are put and deleted over REST, and every process goes by it at once.</summary>
[CancelAfter(180_000)]
public sealed class PutDefinitionTests
{
    private const string Password = "put-p4ssw0rd-canary";

    private HeimdallInstance _heimdall = null!;
    private TestDatabase _other = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.StartWorkerAsync();
        _other = await TestDatabase.CreateAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _other.DisposeAsync();
    }

    private string Way => $"{_other.ConnectionString};Password={Password}";

    [Test]
    public async Task A_cluster_that_was_put_gets_jobs_in_every_process(CancellationToken cancellationToken)
    {
        var made = await PutAsync("cluster/fresh", ClusterBody("data:local", Way), cancellationToken);

        made.AssertStatus(201);
        Assert.That((made["id"], made["name"], made["source"], made["status"]),
            Is.EqualTo(("fresh", "fresh", "api", "ACTIVE")));
        Assert.That(made.Header("Location"), Does.EndWith("/api/v1/cluster/fresh"));
        Assert.That(made.Json.GetProperty("context").GetRawText(), Is.EqualTo("""{"connection_string":"***"}"""));
        var inline = await _heimdall.SubmitAsync(
            "select current_database()", returnResult: true, cancellationToken, cluster: "_id:fresh");
        Assert.That(inline.AssertStatus(200).Text, Does.Contain(NameOf(_other)));
        var batch = await _heimdall.SubmitAsync(
            "create table from_batch ()", returnResult: false, cancellationToken, cluster: "_id:fresh",
                prefer: "wait=60");
        Assert.That(batch.AssertStatus(200)["status"], Is.EqualTo("SUCCEEDED"), batch.Text);
        (await _heimdall.GetAsync("/api/v1/cluster/fresh/health", cancellationToken)).AssertStatus(200);
        await AssertNowhereAsync("cluster/fresh", cancellationToken);
        await DeleteAsync("cluster/fresh", 204, cancellationToken);
        (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, cluster: "_id:fresh"))
            .AssertStatus(422);
        (await _heimdall.GetAsync("/api/v1/cluster/fresh", cancellationToken)).AssertStatus(404);
    }

    [Test]
    public async Task A_mask_keeps_the_secret_and_a_new_way_is_taken_at_once(CancellationToken cancellationToken)
    {
        (await PutAsync("cluster/kept", ClusterBody("data:local", Way), cancellationToken)).AssertStatus(201);
        (await PutAsync("cluster/kept",
            ClusterBody("data:local, tier:gold", "***", more: ", \"max_timeout_seconds\": 20"), cancellationToken))
            .AssertStatus(200);

        var seen = await _heimdall.GetAsync("/api/v1/cluster/kept", cancellationToken);
        Assert.That(
            seen.Json.GetProperty("context").GetRawText(),
            Is.EqualTo("""{"connection_string":"***","max_timeout_seconds":20}"""));
        Assert.That(await DatabaseOfAsync("kept", cancellationToken), Is.EqualTo(NameOf(_other)));

        (await PutAsync("cluster/kept", ClusterBody("data:local", _heimdall.Target.ConnectionString),
            cancellationToken)).AssertStatus(200);

        Assert.That(await DatabaseOfAsync("kept", cancellationToken), Is.EqualTo(NameOf(_heimdall.Target)));
        var ended = await _heimdall.WaitForEndAsync(
            await _heimdall.EnqueueAsync("create table worker_sees_it ()", cancellationToken, cluster: "_id:kept"),
                cancellationToken);
        Assert.That(ended["status"], Is.EqualTo("SUCCEEDED"), ended.Text);
        Assert.That(
            await _heimdall.Target.ScalarAsync<bool>("select to_regclass('worker_sees_it') is not null",
                cancellationToken), Is.True);
        await DeleteAsync("cluster/kept", 204, cancellationToken);
    }

    [Test]
    public async Task Health_and_routing_follow_what_is_put(CancellationToken cancellationToken)
    {
        (await PutAsync("cluster/sick", ClusterBody("data:local, data:sick", "postgresql://nobody@127.0.0.1:1/none"),
            cancellationToken))
            .AssertStatus(201);
        await Eventually.Is(
            async () =>
                (int)(await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken,
                cluster: "data:sick")).Status == 503,
            cancellationToken);

        (await PutAsync("cluster/sick", ClusterBody("data:local, data:sick", Way), cancellationToken))
            .AssertStatus(200);

        await Eventually.Is(
            async () =>
                (int)(await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken,
                cluster: "data:sick")).Status == 200,
            cancellationToken);
        await DeleteAsync("cluster/sick", 204, cancellationToken);
    }

    [Test]
    public async Task A_command_that_was_put_is_routed_to_and_its_settings_hold(CancellationToken cancellationToken)
    {
        var made = await PutAsync(
            "command/reader",
            """
            {"version": "1", "plugin": "postgres", "tags": ["type:reader"], "cluster_tags": ["data:local"],
             "allowed_callers": [".*"],
             "max_attempts": 2, "idempotent": true, "max_priority": 5,
             "retention": {"succeeded": "3d", "failed": "forever"},
             "context": {"row_limit": 1} }
            """,
            cancellationToken);

        made.AssertStatus(201);
        Assert.That((made["source"], made["max_attempts"], made["max_priority"]), Is.EqualTo(("api", "2", "5")),
            made.Text);
        Assert.That(made.Json.GetProperty("retention").GetRawText(),
            Is.EqualTo("""{"succeeded":"3d","failed":"forever"}"""));
        var reply = await _heimdall.SubmitAsync(
            "select * from generate_series(1, 3)", returnResult: true, cancellationToken, command: "type:reader");
        Assert.That((reply.AssertStatus(200)["truncated"], reply["command_id"]), Is.EqualTo(("True", "reader")),
            reply.Text);
        var ended = await _heimdall.WaitForEndAsync(
            (await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, command: "type:reader"))
                .AssertStatus(202).Id,
            cancellationToken);
        Assert.That(ended["status"], Is.EqualTo("SUCCEEDED"), ended.Text);
        await DeleteAsync("command/reader", 204, cancellationToken);
        (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: "type:reader"))
            .AssertStatus(422);
    }

    [Test]
    public async Task What_was_put_over_a_file_holds_until_it_is_deleted(CancellationToken cancellationToken)
    {
        var before = await _heimdall.GetAsync("/api/v1/cluster/postgres", cancellationToken);
        Assert.That((before["source"], before["context"]), Is.EqualTo(("file", (string?)null)), before.Text);
        (await PutAsync("cluster/postgres", ClusterBody("data:local", "***"), cancellationToken))
            .AssertProblem(400, "context.connection_string", "nothing that could be kept");
        (await PutAsync("cluster/postgres", ClusterBody("data:local", Way), cancellationToken)).AssertStatus(200);
        Assert.That(await DatabaseOfAsync("postgres", cancellationToken), Is.EqualTo(NameOf(_other)));

        await _heimdall.RestartApiAsync();

        Assert.That(await DatabaseOfAsync("postgres", cancellationToken), Is.EqualTo(NameOf(_other)));
        Assert.That(_heimdall.Logs, Has.Some.Contains("Cluster postgres is not as the configuration file says"));
        await DeleteAsync("cluster/postgres", 204, cancellationToken);
        Assert.That(await DatabaseOfAsync("postgres", cancellationToken), Is.EqualTo(NameOf(_heimdall.Target)));
        var after = await _heimdall.GetAsync("/api/v1/cluster/postgres", cancellationToken);
        Assert.That((after["source"], after["version"]), Is.EqualTo(("file", "0.0.1")), after.Text);
        await DeleteAsync("cluster/postgres", 409, cancellationToken);
    }

    [Test]
    public async Task A_changed_file_waits_behind_what_was_put(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        await PutAsync(heimdall, "command/postgres-0.0.1", CommandBody("put"), cancellationToken);
        heimdall.Configure(config => config with
        {
            Commands = config.Commands.Replace("Runs SQL", "of another file", StringComparison.Ordinal),
        });

        await heimdall.RestartApiAsync();

        var command = await heimdall.GetAsync("/api/v1/command/postgres-0.0.1", cancellationToken);
        Assert.That(command["description"], Is.EqualTo("put"));
        (await heimdall.SendAsync(HttpMethod.Delete, "/api/v1/command/postgres-0.0.1", cancellationToken))
            .AssertStatus(204);
        command = await heimdall.GetAsync("/api/v1/command/postgres-0.0.1", cancellationToken);
        Assert.That((command["description"], command["source"]), Is.EqualTo(("of another file", "file")));
    }

    [Test]
    public async Task A_version_that_knows_nothing_of_it_changes_nothing(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        await PutAsync(heimdall, "command/postgres-0.0.1", CommandBody("put"), cancellationToken);

        await heimdall.Store.ExecuteAsync(
            """
            update heimdall.command set name = 'old', description = 'old', tags = '{old}', seed = 'old',
                file_seed = 'old', status = 'INACTIVE', removed_at = now(), updated_at = now()
            """,
            cancellationToken);
        await heimdall.RestartApiAsync();

        var command = await heimdall.GetAsync("/api/v1/command/postgres-0.0.1", cancellationToken);
        Assert.That(
            (command["name"], command["description"], command["status"]),
            Is.EqualTo(("postgres-0.0.1", "put", "ACTIVE")), command.Text);
    }

    [Test]
    public async Task A_version_that_knows_nothing_of_it_does_not_shorten_how_long_jobs_are_kept(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        await PutAsync(
            heimdall, "command/postgres-0.0.1",
            """
            {"version": "0.0.1", "plugin": "postgres", "cluster_tags": ["data:local"],
             "retention": {"succeeded": "365d"} }
            """,
            cancellationToken);

        await heimdall.Store.ExecuteAsync(
            "update heimdall.command set retention = '{\"SUCCEEDED\": 1, \"succeeded\": 1}'", cancellationToken);

        Assert.That(
            await heimdall.Store.ScalarAsync<bool>(
                "select retention = put_retention and put_retention is not null from heimdall.command",
                cancellationToken),
            Is.True);
    }

    [TestCase("command", "postgres-0.0.1")]
    [TestCase("cluster", "postgres")]
    public async Task What_a_file_said_before_an_older_version_read_another_does_not_come_back(
        string kind, string id, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var path = $"/api/v1/{kind}/{id}";
        var body = kind == "command" ? CommandBody("put") : ClusterBody("data:local", Way);
        (await PutAsync(heimdall, $"{kind}/{id}", body, cancellationToken)).AssertStatus(200);
        await heimdall.Store.ExecuteAsync(
            $"update heimdall.{kind} set seed = 'another', file_seed = 'another'", cancellationToken);

        (await heimdall.SendAsync(HttpMethod.Delete, path, cancellationToken))
            .AssertProblem(409, "is of an older version of Heimdall");
        Assert.That((await heimdall.GetAsync(path, cancellationToken))["source"], Is.EqualTo("api"));
        await heimdall.RestartApiAsync();
        (await heimdall.SendAsync(HttpMethod.Delete, path, cancellationToken)).AssertStatus(204);

        Assert.That((await heimdall.GetAsync(path, cancellationToken))["source"], Is.EqualTo("file"));
    }

    [Test]
    public async Task An_ETag_keeps_two_admins_apart(CancellationToken cancellationToken)
    {
        var made = (await PutAsync("command/tagged", CommandBody("one"), cancellationToken, ("If-None-Match", "*")))
            .AssertStatus(201);
        var tag = made.Header("ETag")!;
        (await PutAsync("command/tagged", CommandBody("two"), cancellationToken, ("If-None-Match", "*")))
            .AssertProblem(412);
        (await PutAsync("command/tagged", CommandBody("two"), cancellationToken, ("If-Match", tag))).AssertStatus(200);
        (await PutAsync("command/tagged", CommandBody("three"), cancellationToken, ("If-Match", tag)))
            .AssertProblem(412);
        (await PutAsync("command/none", CommandBody("three"), cancellationToken, ("If-Match", "*"))).AssertProblem(412);
        (await PutAsync("command/tagged", CommandBody("three"), cancellationToken, ("If-Match", "tag")))
            .AssertProblem(400);
        var seen = await _heimdall.GetAsync("/api/v1/command/tagged", cancellationToken);
        Assert.That(seen["description"], Is.EqualTo("two"));
        var status = await _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/command/tagged/status", cancellationToken,
                JsonContent.Create(new { status = "INACTIVE" }));
        status.AssertStatus(200);

        (await _heimdall.SendAsync(
            HttpMethod.Delete, "/api/v1/command/tagged", cancellationToken,
                headers: ("If-Match", seen.Header("ETag")!)))
            .AssertProblem(412);
        await DeleteAsync("command/tagged", 204, cancellationToken);
        await DeleteAsync("command/tagged", 404, cancellationToken);
    }

    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://h/d"}, "wieght": 2}""", "wieght",
        "Is not a known key")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://h/d"}, "weight": 0}""", "weight",
        "Must be between 1 and 1000.")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://h/d"}, "weight": "much"}""", "weight",
        "Must be a whole number")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "nonsense"}}""", "context.connection_string", "")]
    [TestCase("cluster/bad", """{"context": {}}""", "context.connection_string", "Is missing")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u:${env:HOME}@h/d"}}""",
        "context.connection_string", "Must not refer")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u:${file:/etc/passwd}@h/d"}}""",
        "context.connection_string", "Must not refer")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u@h/d?passfile=/etc/shadow"}}""",
        "context.connection_string", "names a file of the hosts")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "Host=h;Username=u;SSL Key=/etc/k"}}""",
        "context.connection_string", "names a file of the hosts")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://h/d"}}""",
        "context.connection_string", "must name its user")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "host=/var/run/postgresql user=u dbname=d"}}""",
        "context.connection_string", "no socket of this machine")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u@h/d?require_auth=gss"}}""",
        "context.connection_string", "the operating system's user")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u:***@h/d"}}""",
        "context.connection_string", "stands for the whole of it")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u@h/a", "connection_string": "b"}}""",
        "context.connection_string", "twice")]
    [TestCase("cluster/bad",
        """{"context": {"connection_string": "postgresql://u@h/a"}, "context": {"connection_string": "b"}}""",
        "context", "twice")]
    [TestCase("cluster/bad", """{"context": {"connection_string": "postgresql://u@h/a", "x": {"y": 1, "y": 2}}}""",
        "context.x.y", "twice")]
    [TestCase("cluster/bad", """{"name": "postgres", "context": {"connection_string": "postgresql://h/d"}}""", "name",
        "Is the name of cluster 'postgres' too.")]
    [TestCase("cluster/bad", """{"id": "good", "context": {"connection_string": "postgresql://h/d"}}""", "id",
        "Must be 'bad'")]
    [TestCase("cluster/bad", """{"tags": ["_id:x"], "context": {"connection_string": "postgresql://h/d"}}""",
        "tags[0]", "Must not begin with")]
    [TestCase("cluster/bad", """{"description": "\u0000", "context": {"connection_string": "postgresql://h/d"}}""",
        "description", "NUL")]
    [TestCase("cluster/bad", "[]", "body", "Must be a JSON object.")]
    [TestCase("command/bad", """{"plugin": "oracle", "version": "1", "cluster_tags": ["a"]}""", "plugin",
        "Is not a known plugin")]
    [TestCase("command/bad", """{"plugin": "postgres", "version": "1"}""", "cluster_tags", "Is required")]
    [TestCase("command/bad", """{"plugin": "postgres", "cluster_tags": ["a"]}""", "version", "Is required.")]
    [TestCase("command/bad", """{"plugin": "postgres", "version": "1", "version": "2", "cluster_tags": ["a"]}""",
        "version", "Is written twice.")]
    [TestCase("command/bad",
        """{"plugin": "postgres", "version": "1", "cluster_tags": ["a"], "context": {"row_limt": 1}}""",
        "context.row_limt", "")]
    [TestCase("command/bad",
        """{"plugin": "postgres", "version": "1", "cluster_tags": ["a"], "on_end": [{"hook": "none"}]}""",
        "on_end[0].hook", "")]
    public async Task Rejects_what_the_file_would_not_take(
        string path, string body, string field, string message, CancellationToken cancellationToken)
    {
        var reply = (await PutAsync(path, body, cancellationToken)).AssertProblem(400);

        Assert.That(reply.Json.GetProperty("errors").GetProperty(field)[0].GetString(), Does.Contain(message),
            reply.Text);
        Assert.That(reply.Text, Does.Not.Contain(Environment.GetEnvironmentVariable("HOME")));
    }

    [Test]
    public async Task A_cluster_whose_key_is_lost_is_unhealthy_and_says_so(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync();
        (await PutAsync(heimdall, "cluster/lost", ClusterBody("data:local", Way), cancellationToken)).AssertStatus(201);
        await heimdall.Store.ExecuteAsync("delete from heimdall.dashboard_key", cancellationToken);
        await heimdall.RestartApiAsync();
        var worker = await heimdall.StartWorkerAsync();

        var health = await heimdall.GetAsync("/api/v1/cluster/lost/health", cancellationToken);

        Assert.That(
            health.AssertStatus(503)["error"],
            Does.StartWith("The secret of cluster 'lost' cannot be read.").And.Contain("key ring")
                .And.EndWith("Put the cluster again."));
        Assert.That(health.Text, Does.Not.Contain(Password));
        await worker.DisposeAsync();
        (await PutAsync(heimdall, "cluster/lost", ClusterBody("data:local", "***"), cancellationToken))
            .AssertProblem(400, "Send the secret");
        (await PutAsync(heimdall, "cluster/lost", ClusterBody("data:local", Way), cancellationToken)).AssertStatus(200);
        await Eventually.Is(
            async () =>
                (int)(await heimdall.GetAsync("/api/v1/cluster/lost/health", cancellationToken)).Status == 200,
                cancellationToken);
    }

    [Test]
    public async Task Each_change_is_in_the_audit_without_what_was_put(CancellationToken cancellationToken)
    {
        await PutAsync("cluster/audited", ClusterBody("data:local", Way), cancellationToken);
        await DeleteAsync("cluster/audited", 204, cancellationToken);

        var audit = await _heimdall.GetAsync("/api/v1/audit?target=cluster/audited", cancellationToken);

        Assert.That(
            audit.Json.GetProperty("data").EnumerateArray()
                .Select(record => $"{record.GetProperty("action")} {record.GetProperty("outcome")}"),
            Is.EqualTo(new[] { "DELETE /api/v1/cluster/{id:definition} DONE", "PUT /api/v1/cluster/{id:definition} DONE" }), audit.Text);
        Assert.That(audit.Text, Does.Not.Contain(Password));
    }

    [Test]
    public async Task Nothing_is_removed_that_was_put_although_no_file_has_it(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        (await PutAsync(heimdall, "cluster/mine", ClusterBody("data:local", Way), cancellationToken)).AssertStatus(201);
        await heimdall.Store.ExecuteAsync(
            "update heimdall.worker set started_at = now() - interval '1 hour'", cancellationToken);

        await heimdall.Store.ExecuteAsync(
            $"set search_path = heimdall; {Heimdall.Core.Catalog.CatalogStore.MarkSql}", cancellationToken);

        Assert.That(
            await heimdall.Store.ScalarAsync<bool>(
                "select removed_at is null from heimdall.cluster where id = 'mine'", cancellationToken), Is.True);
    }

    [Test]
    public async Task What_a_command_shows_of_its_approval_can_be_put_and_keeps_it(CancellationToken cancellationToken)
    {
        const string Body = """
            {"version": "0.0.1", "plugin": "postgres", "tags": ["type:asks"], "cluster_tags": ["data:local"],
             "approval": "required", "approval_expires": "3d", "approvers": ["dba-.*"]}
            """;
        (await PutAsync("command/asks", Body, cancellationToken)).AssertStatus(201);
        var shown = (await _heimdall.GetAsync("/api/v1/command/asks", cancellationToken)).Json;
        var keys = Heimdall.Core.Configuration.Yaml.ConfigBinder
            .KeysOf(typeof(Heimdall.Core.Configuration.CommandConfig)).Keys.ToHashSet();
        var fields = shown.EnumerateObject().Where(field => keys.Contains(field.Name) && field.Name != "status")
            .ToDictionary(field => field.Name, field => field.Value);

        var again = await PutAsync(
            "command/asks", System.Text.Json.JsonSerializer.Serialize(fields), cancellationToken);

        again.AssertStatus(200);
        foreach (var field in new[] { "approval", "approval_expires", "approval_expires_seconds", "approvers" })
        {
            Assert.That(
                again.Json.GetProperty(field).GetRawText(), Is.EqualTo(shown.GetProperty(field).GetRawText()), field);
        }
        var described = (await _heimdall.GetAsync("/openapi/v1.json", cancellationToken)).Json
            .GetProperty("components").GetProperty("schemas").GetProperty("PutCommandRequest")
            .GetProperty("properties").EnumerateObject().Select(field => field.Name);
        Assert.That(described, Is.EquivalentTo(keys));
    }

    private static string ClusterBody(string tags, string connectionString, string more = "") => $$"""
        {"version": "2", "tags": ["type:postgres", {{string.Join(", ", tags.Split(", ").Select(tag => $"\"{tag}\""))}}],
         "context": {"connection_string": "{{connectionString}}"{{more}} } }
        """;

    private static string CommandBody(string description) => $$"""
        {"version": "0.0.1", "description": "{{description}}", "plugin": "postgres", "tags": ["type:put"],
         "cluster_tags": ["data:local"]}
        """;

    private static string NameOf(TestDatabase database) =>
        database.ConnectionString.Split("Database=")[1].Split(';')[0];

    private Task<Reply> PutAsync(
        string path, string body, CancellationToken cancellationToken, params (string, string)[] headers) =>
        PutAsync(_heimdall, path, body, cancellationToken, headers);

    private static Task<Reply> PutAsync(
        HeimdallInstance heimdall, string path, string body, CancellationToken cancellationToken,
        params (string, string)[] headers) => heimdall.SendAsync(
        HttpMethod.Put, $"/api/v1/{path}", cancellationToken,
            new StringContent(body, Encoding.UTF8, "application/json"), headers);

    private async Task DeleteAsync(string path, int status, CancellationToken cancellationToken) =>
        (await _heimdall.SendAsync(HttpMethod.Delete, $"/api/v1/{path}", cancellationToken)).AssertStatus(status);

    private async Task<string> DatabaseOfAsync(string cluster, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            "select current_database()", returnResult: true, cancellationToken, cluster: $"_id:{cluster}");
        return reply.AssertStatus(200).Json.GetProperty("result").GetProperty("data")[0][0].GetString()!;
    }

    private async Task AssertNowhereAsync(string path, CancellationToken cancellationToken)
    {
        foreach (var one in new[] { $"/api/v1/{path}", "/api/v1/clusters", $"/api/v1/{path}/health",
            $"/hangfire/sql/{path.Replace("cluster/", "clusters/", StringComparison.Ordinal)}" })
        {
            Assert.That((await _heimdall.GetAsync(one, cancellationToken)).Text, Does.Not.Contain(Password));
        }
        Assert.That(await StoreSearch.FindAsync(_heimdall.Store, Password, cancellationToken), Is.Empty);
        Assert.That(_heimdall.Logs, Has.None.Contains(Password));
    }
}
