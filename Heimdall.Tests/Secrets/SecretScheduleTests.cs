using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Secrets;

/// <summary>Secrets of schedules are stored encrypted, and each run gets them.</summary>
[CancelAfter(180_000)]
public sealed class SecretScheduleTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.Target.ExecuteAsync("create table run (secret text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_run_gets_what_was_put_and_an_edit_may_keep_it(CancellationToken cancellationToken)
    {
        (await PutAsync("kept", "null", cancellationToken)).AssertProblem(400, "context.variables.pw", "has no value");
        var made = (await PutAsync("kept", "\"first-secret-1\"", cancellationToken)).AssertStatus(201);
        Assert.That(
            made.Json.GetProperty("context").GetProperty("variables").GetRawText(),
            Is.EqualTo("""{"pw":{"value":null,"secret":true}}"""));
        Assert.That(await RunAsync("kept", cancellationToken), Is.EqualTo("first-secret-1"));

        (await PutAsync("kept", "null", cancellationToken)).AssertStatus(200);
        Assert.That(await RunAsync("kept", cancellationToken), Is.EqualTo("first-secret-1"));
        (await PutAsync("kept", "\"second-secret-2\"", cancellationToken)).AssertStatus(200);
        Assert.That(await RunAsync("kept", cancellationToken), Is.EqualTo("second-secret-2"));

        Assert.That(await StoreSearch.FindAsync(_heimdall.Store, "secret-1", cancellationToken), Is.Empty);
        Assert.That(await StoreSearch.FindAsync(_heimdall.Store, "secret-2", cancellationToken), Is.Empty);
    }

    [Test]
    public async Task A_run_whose_secret_cannot_be_read_is_refused_and_says_so(CancellationToken cancellationToken)
    {
        (await PutAsync("lost", "\"a-secret\"", cancellationToken)).AssertStatus(201);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.schedule set secrets = 'bm90aGluZw==' where id = 'lost'", cancellationToken);

        var run = await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/schedule/lost/trigger", cancellationToken);

        Assert.That(run.Text, Does.Contain("Its secrets (pw) cannot be read.").And.Contain("Put them anew."));
        (await PutAsync("lost", "null", cancellationToken)).AssertProblem(400, "has no value");
    }

    [Test]
    public async Task A_version_that_knows_no_secrets_takes_them_with_the_context_that_had_them(
        CancellationToken cancellationToken)
    {
        (await PutAsync("old", "\"a-secret\"", cancellationToken)).AssertStatus(201);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.schedule set updated_at = now() where id = 'old'", cancellationToken);
        Assert.That(await HasSecretsAsync(), Is.True);

        await _heimdall.Store.ExecuteAsync(
            """update heimdall.schedule set context = '{"query":"select 1"}' where id = 'old'""", cancellationToken);

        Assert.That(await HasSecretsAsync(), Is.False);

        Task<bool> HasSecretsAsync() => _heimdall.Store.ScalarAsync<bool>(
            "select secrets is not null from heimdall.schedule where id = 'old'", cancellationToken);
    }

    [Test]
    public async Task A_file_may_refer_to_them_and_another_value_seeds_anew(CancellationToken cancellationToken)
    {
        var file = Path.Combine(_heimdall.SqlDirectory, "..", "secret.txt");
        await File.WriteAllTextAsync(file, "of-the-file-1\n", cancellationToken);
        _heimdall.Configure(config => config.WithSchedule(
            "filed",
            "cron: 0 0 1 1 *, command_criteria: [\"type:postgres\"], cluster_criteria: [\"_id:postgres\"], "
                + "context: {query: \"insert into run values (:'pw');\", "
                + $"variables: {{pw: {{value: \"${{file:{Path.GetFullPath(file)}}}\", secret: true}}}}}}"));
        await _heimdall.RestartApiAsync();
        Assert.That(await RunAsync("filed", cancellationToken), Is.EqualTo("of-the-file-1"));
        var before = await _heimdall.GetAsync("/api/v1/schedule/filed", cancellationToken);
        await _heimdall.RestartApiAsync();
        var same = await _heimdall.GetAsync("/api/v1/schedule/filed", cancellationToken);
        Assert.That(same.Header("ETag"), Is.EqualTo(before.Header("ETag")), "the same value is the same seed");

        await File.WriteAllTextAsync(file, "of-the-file-2\n", cancellationToken);
        await _heimdall.RestartApiAsync();

        Assert.That(await RunAsync("filed", cancellationToken), Is.EqualTo("of-the-file-2"));
        Assert.That(await StoreSearch.FindAsync(_heimdall.Store, "of-the-file", cancellationToken), Is.Empty);
    }

    private Task<Reply> PutAsync(string id, string value, CancellationToken cancellationToken) => _heimdall.SendAsync(
        HttpMethod.Put, $"/api/v1/schedule/{id}", cancellationToken,
        new StringContent(
            $$"""
            {"cron": "0 0 1 1 *", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "insert into run values (:'pw');",
                         "variables": {"pw": {"value": {{value}}, "secret": true} } } }
            """,
            Encoding.UTF8, "application/json"));

    private async Task<string> RunAsync(string id, CancellationToken cancellationToken)
    {
        var run = await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/schedule/{id}/trigger", cancellationToken);
        var job = await _heimdall.WaitForEndAsync(
            run.AssertStatus(202).Json.GetProperty("job_id").GetGuid(), cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        return await _heimdall.Target.ScalarAsync<string>("delete from run returning secret", cancellationToken);
    }
}
