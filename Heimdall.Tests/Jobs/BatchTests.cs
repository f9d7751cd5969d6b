using System.Security.Cryptography;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Batches from the request to the target database, and what Heimdall and Hangfire say of them.</summary>
[CancelAfter(60_000)]
public sealed class BatchTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_text_of_several_statements_takes_effect(CancellationToken cancellationToken)
    {
        const string Text = "create table city (name text);\ninsert into city values ('Oslo'), ('Bergen; by the sea');\nupdate city set name = 'Oslo!' where name = 'Oslo'";

        var id = await _heimdall.EnqueueAsync(Text, cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(job["statements"], Is.EqualTo("3"));
        Assert.That(job["statements_total"], Is.EqualTo("3"));
        Assert.That(job["rows_affected"], Is.EqualTo("3"));
        Assert.That(job["attempt"], Is.EqualTo("1"));
        Assert.That(job["sha256"], Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)))));
        Assert.That(await CitiesAsync("city", cancellationToken), Is.EquivalentTo(new[] { "Oslo!", "Bergen; by the sea" }));
        var log = await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken);
        Assert.That(log.Text, Does.Match(@"^1  line 1  CREATE TABLE  0 rows  .* ms\n2  line 2  INSERT  2 rows  .* ms\n3  line 3  UPDATE  1 row  .* ms\n$"));
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task A_script_takes_effect(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("towns/load.sql", "create table town (name text);\ncopy town from stdin;\nVoss\nMoss\n\\.\nselect count(*) from town;\n");

        var id = await _heimdall.EnqueueAsync("towns/load.sql", cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(job["statements"], Is.EqualTo("3"));
        Assert.That(job["bytes_read"], Is.EqualTo(job["bytes_total"]));
        Assert.That(await CitiesAsync("town", cancellationToken), Is.EquivalentTo(new[] { "Voss", "Moss" }));
    }

    [Test]
    public async Task A_failure_leaves_nothing_behind_and_is_told_everywhere(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("broken.sql", "create table half (id int primary key);\ninsert into half values (1);\n\ninsert into half\n  values (1);\nselect 1;\n");

        var id = await _heimdall.EnqueueAsync("broken.sql", cancellationToken, name: "broken");

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["sqlstate"], Is.EqualTo("23505"));
        Assert.That(job["error"], Does.StartWith("duplicate key value"));
        var error = job.Json.GetProperty("errors")[0];
        Assert.That(error.GetProperty("statement").GetInt32(), Is.EqualTo(3));
        Assert.That(error.GetProperty("line").GetInt32(), Is.EqualTo(4));
        Assert.That(error.GetProperty("detail").GetString(), Is.EqualTo("Key (id)=(1) already exists."));
        Assert.That(await _heimdall.Target.ScalarAsync<bool>("select to_regclass('half') is null", cancellationToken));
        var stdout = await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken);
        Assert.That(stdout.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(2));
        var stderr = await _heimdall.GetAsync($"/api/v1/job/{id}/stderr", cancellationToken);
        Assert.That(stderr.Text, Does.Contain("23505").And.Contain("line 4"));
        var state = await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Failed"), cancellationToken);
        Assert.That(state, Does.Contain("23505").And.Contain("duplicate key value"));
    }

    [Test]
    public async Task A_position_in_a_statement_is_told_by_line_and_column(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1;\n\nselect\n  nothing_such\n  from pg_class;", cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        var error = job.Json.GetProperty("errors")[0];
        Assert.That(job["sqlstate"], Is.EqualTo("42703"));
        Assert.That((error.GetProperty("line").GetInt32(), error.GetProperty("column").GetInt32()), Is.EqualTo((4, 3)), job.Text);
    }

    [Test]
    public async Task Notices_are_in_stderr(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1;\ndo $$ begin raise notice 'half way'; end $$", cancellationToken);

        await _heimdall.WaitForEndAsync(id, cancellationToken);

        var stderr = await _heimdall.GetAsync($"/api/v1/job/{id}/stderr", cancellationToken);
        Assert.That(stderr.Text, Is.EqualTo("NOTICE:  half way (statement 2, line 2)\n"));
    }

    [Test]
    public async Task A_batch_that_takes_too_long_is_killed_and_leaves_nothing_behind(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            "create table slow (id int); select pg_sleep(60)", returnResult: false, cancellationToken, more: new { timeout_seconds = 0.5 });

        var job = await _heimdall.WaitForEndAsync(reply.AssertStatus(202).Id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("KILLED"), job.Text);
        Assert.That(await _heimdall.Target.ScalarAsync<bool>("select to_regclass('slow') is null", cancellationToken));
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(reply.Id, cancellationToken), () => Does.StartWith("Failed"), cancellationToken);
    }

    [Test]
    public async Task What_a_batch_has_done_so_far_can_be_watched(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("watched", cancellationToken);
        var id = await _heimdall.EnqueueAsync($"select 1; select 2; {HeimdallInstance.WaitAt("watched")}", cancellationToken);

        var job = await Eventually.Becomes(
            () => _heimdall.JobAsync(id, cancellationToken), () => Is.Not.Null.And.Matches<Reply>(reply => reply?["statements"] == "2"), cancellationToken);
        var log = await Eventually.Becomes(() => StdoutAsync(id, cancellationToken), () => Is.Not.Empty, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("RUNNING"));
        Assert.That(log, Does.StartWith("1  line 1  SELECT  1 row"));
        await _heimdall.OpenGateAsync("watched", cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    private async Task<string> StdoutAsync(Guid id, CancellationToken cancellationToken) =>
        (await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken)).Text;

    private Task<List<string>> CitiesAsync(string table, CancellationToken cancellationToken) =>
        _heimdall.Target.ColumnAsync<string>($"select name from {table}", cancellationToken);
}
