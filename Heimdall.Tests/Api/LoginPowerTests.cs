using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Clusters whose login may do more than the grants of its database say.</summary>
[CancelAfter(60_000)]
public sealed class LoginPowerTests
{
    private const string Superuser = "The login of this cluster is a superuser";
    private const string Refusal = "takes no jobs with such a login (allow_superuser: false)";

    private readonly string _plain = $"plain_{Guid.NewGuid():N}";
    private readonly string _reader = $"reader_{Guid.NewGuid():N}";
    private readonly string _heir = $"heir_{Guid.NewGuid():N}";
    private readonly string _maker = $"maker_{Guid.NewGuid():N}";
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.CreateAsync();
        await _heimdall.Target.ExecuteAsync(
            $"""
            create role {_plain} login;
            create role {_reader} login;
            create role group_of_{_reader};
            grant pg_read_server_files, pg_execute_server_program to group_of_{_reader};
            grant group_of_{_reader} to {_reader};
            create role super_of_{_heir} superuser;
            create role {_heir} login noinherit;
            create role between_{_heir} role {_heir};
            grant super_of_{_heir} to between_{_heir};
            create role {_maker} login;
            create role group_of_{_maker} createrole role {_maker};
            """,
            CancellationToken.None);
        const string Tags = "type:postgres, data:local";
        const string Strict = ", allow_superuser: false";
        _heimdall.Configure(config => config
            .WithCluster("plain", Tags, As(config, _plain), context: Strict)
            .WithCluster("reader", Tags, As(config, _reader))
            .WithCluster("strict_reader", Tags, As(config, _reader), context: Strict)
            .WithCluster("heir", Tags, As(config, _heir), context: Strict)
            .WithCluster("maker", Tags, As(config, _maker), context: Strict)
            .WithCluster("strict", Tags, config.Target, context: Strict));
        await _heimdall.StartApiAsync();
        await _heimdall.StartWorkerAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.Target.ExecuteAsync(
            $"""
            drop role {_plain}, {_reader}, group_of_{_reader}, {_heir}, between_{_heir}, super_of_{_heir},
                {_maker}, group_of_{_maker}
            """,
            CancellationToken.None);
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task Health_tells_what_a_login_may(CancellationToken cancellationToken)
    {
        Assert.That(await WarningsAsync("postgres", cancellationToken),
            Has.Exactly(1).Items.And.All.StartsWith(Superuser));
        Assert.That(await WarningsAsync("plain", cancellationToken), Is.Empty);
        Assert.That(
            await WarningsAsync("reader", cancellationToken),
            Is.EqualTo(new[]
            {
                "The login of this cluster is a member of pg_execute_server_program: its jobs may run programs on the server.",
                "The login of this cluster is a member of pg_read_server_files: its jobs may read the server's files.",
            }));
    }

    [Test]
    public async Task The_log_warns_once(CancellationToken cancellationToken)
    {
        for (var i = 0; i < 3; i++)
        {
            await WarningsAsync("postgres", cancellationToken);
        }

        var log = string.Concat(_heimdall.Logs);
        Assert.That(Regex.Count(log, $"Cluster postgres: {Superuser}"), Is.EqualTo(1));
        Assert.That(log, Does.Not.Contain("Cluster plain: "));
    }

    [Test]
    public async Task The_page_of_clusters_warns(CancellationToken cancellationToken)
    {
        await WarningsAsync("reader", cancellationToken);

        var page = await _heimdall.GetAsync("/hangfire/sql/clusters", cancellationToken);

        Assert.That(page.AssertStatus(200).Text,
            Does.Contain("WARNING").And.Contain("is a member of pg_read_server_files"));
    }

    [TestCase("strict", Superuser)]
    [TestCase("strict_reader", "is a member of pg_execute_server_program")]
    public async Task A_cluster_may_refuse_jobs_with_such_a_login(
        string cluster, string reason, CancellationToken cancellationToken)
    {
        var query = await SubmitAsync(cluster, returnResult: true, cancellationToken);
        var preview = await _heimdall.PostJobAsync(
            $$"""
            {"name": "preview", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:{{cluster}}"],
             "dry_run": true, "context": {"query": "select 1", "return_result": true} }
            """,
            cancellationToken);
        var batch = (await SubmitAsync(cluster, returnResult: false, cancellationToken)).AssertStatus(202);
        var ended = await _heimdall.WaitForEndAsync(batch.Id, cancellationToken);

        query.AssertProblem(400, reason, Refusal);
        preview.AssertProblem(400, reason, Refusal);
        Assert.That(ended["status"], Is.EqualTo("FAILED"));
        Assert.That(ended["error"], Does.Contain(reason).And.Contain(Refusal));
    }

    [Test]
    public async Task A_login_without_such_rights_runs_them(CancellationToken cancellationToken)
    {
        var query = await SubmitAsync("plain", returnResult: true, cancellationToken);
        var batch = await SubmitAsync("plain", returnResult: false, cancellationToken);

        query.AssertStatus(200);
        Assert.That((await _heimdall.WaitForEndAsync(batch.Id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task A_login_that_may_become_a_superuser_is_refused(CancellationToken cancellationToken)
    {
        var query = await SubmitAsync("heir", returnResult: true, cancellationToken);

        query.AssertProblem(400, "is a member of a superuser's role: its jobs may SET ROLE to it", Refusal);
        Assert.That(await WarningsAsync("heir", cancellationToken), Has.Exactly(1).Items);
    }

    [Test]
    public async Task A_login_that_may_grant_itself_such_a_role_is_refused(CancellationToken cancellationToken)
    {
        var version = await _heimdall.Target.ScalarAsync<int>(
            "select current_setting('server_version_num')::int", cancellationToken);

        var query = await SubmitAsync("maker", returnResult: true, cancellationToken);

        if (version < 160000)
        {
            query.AssertProblem(400, "has CREATEROLE, or is a member of a role that has it", Refusal);
            return;
        }
        query.AssertStatus(200);
        var grant = await _heimdall.SubmitAsync(
            $"set role group_of_{_maker}; grant pg_execute_server_program to {_maker}",
            returnResult: false, cancellationToken, cluster: "_id:maker");
        var ended = await _heimdall.WaitForEndAsync(grant.AssertStatus(202).Id, cancellationToken);
        Assert.That(ended["error"], Does.Contain("permission denied"), "so that it is no such power here");
    }

    private async Task<string[]> WarningsAsync(string cluster, CancellationToken cancellationToken)
    {
        var health = (await _heimdall.GetAsync($"/api/v1/cluster/{cluster}/health", cancellationToken)).AssertStatus(200);
        return health.Json.TryGetProperty("warnings", out var warnings)
            ? [.. warnings.EnumerateArray().Select(warning => warning.GetString()!)]
            : [];
    }

    private Task<Reply> SubmitAsync(string cluster, bool returnResult, CancellationToken cancellationToken) =>
        _heimdall.SubmitAsync("select 1", returnResult, cancellationToken, cluster: $"_id:{cluster}");

    private static string As(InstanceConfig config, string login) =>
        new NpgsqlConnectionStringBuilder(config.Target) { Username = login }.ConnectionString;
}
