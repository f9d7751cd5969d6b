using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>The store's server crashes, and forgets what it had not written to disk yet.</summary>
[CancelAfter(120_000)]
public sealed class StoreCrashTests() : RealProcessTests(processes: 1)
{
    private CrashingPostgres _server = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await CrashingPostgres.StartAsync(CancellationToken.None);
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Store = _server.ConnectionString }, worker: false);
        await _heimdall.Target.ExecuteAsync(
            """
            create table gate (name text primary key);
            create function pass(gate_name text) returns int language plpgsql as
                $$ begin while exists (select from gate where name = gate_name) loop perform pg_sleep(0.02); end loop; return 7; end $$
            """,
            CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task The_record_of_a_query_that_was_lost_is_brought_back(bool outlivesARenewal, CancellationToken cancellationToken)
    {
        var name = $"lost-{outlivesARenewal}";
        await _heimdall.Target.ExecuteAsync("insert into gate values ($1)", cancellationToken, name);
        var writer = await _server.HoldAsync(cancellationToken);
        var query = _heimdall.SubmitAsync($"select pass('{name}')", returnResult: true, cancellationToken, name: name);
        var id = await _heimdall.FindJobAsync(name, "RUNNING", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        await CrashingPostgres.CrashAsync(writer);
        await Eventually.Is(() => _server.HasForgottenAsync(cancellationToken), cancellationToken);
        if (outlivesARenewal)
        {
            // The process that runs it notices that its record is gone, and goes on.
            await Eventually.Is(() => IsThereAsync(id, cancellationToken), cancellationToken);
        }
        await _heimdall.OpenGateAsync(name, cancellationToken);
        var reply = (await query).AssertStatus(200);

        Assert.That(reply["status"], Is.EqualTo("SUCCEEDED"), reply.Text);
        Assert.That(reply.Json.GetProperty("result").GetProperty("data").ToString(), Is.EqualTo("[[7]]"));
        var job = await Eventually.Becomes( // a connection that the crash has ended answers 503
            () => _heimdall.GetAsync($"/api/v1/job/{id}", cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(found => (int?)found?.Status == 200 && found?["status"] is "SUCCEEDED"),
            cancellationToken);
        Assert.That((job!["row_count"], job["attempt"]), Is.EqualTo(("1", "1")), job.Text);
    }

    [Test]
    public async Task An_end_that_was_answered_and_lost_is_written_again(CancellationToken cancellationToken)
    {
        // or its own writer is quicker than the crash
        await using var server = await RestartableServer.StartAsync("wal_writer_delay=10s");
        await using var heimdall = await HeimdallInstance.CreateAsync(storeServer: server.ConnectionString);
        await heimdall.StartApiAsync();
        await using var worker = await heimdall.StartWorkerAsync();

        var reply = await heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken);
        await server.RestartAsync("immediate", cancellationToken);

        Assert.That(reply.AssertStatus(200)["status"], Is.EqualTo("SUCCEEDED"), reply.Text);
        var job = await Eventually.Becomes(
            () => heimdall.GetAsync($"/api/v1/job/{reply["id"]}", cancellationToken),
            () =>
                Is.Not.Null.And.Matches<Reply>(
                    found => (int?)found?.Status == 200 && found?["status"] is "SUCCEEDED" or "FAILED"),
            cancellationToken);
        Assert.That((job!["status"], job["row_count"], job["attempt"]), Is.EqualTo(("SUCCEEDED", "1", "1")), job.Text);
        Assert.That(job["created_at"], Is.EqualTo(reply["created_at"]));
    }

    [Test]
    public async Task What_Hangfire_has_lost_of_a_job_that_ended_is_shown_again(CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync("wal_writer_delay=10s");
        await using var heimdall = await HeimdallInstance.CreateAsync(storeServer: server.ConnectionString);
        await heimdall.StartApiAsync();
        await using var worker = await heimdall.StartWorkerAsync();
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        await Eventually.Is(() => IsShownAsync(heimdall, id, cancellationToken), cancellationToken);

        await server.RestartAsync("immediate", cancellationToken);

        Assert.That((await heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        await Eventually.Is(() => IsShownAsync(heimdall, id, cancellationToken), cancellationToken);
    }

    private static async Task<bool> IsShownAsync(
        HeimdallInstance heimdall, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            var state = await heimdall.QueueStateAsync(id, cancellationToken);
            return state.StartsWith("Succeeded", StringComparison.Ordinal);
        }
        catch (NpgsqlException)
        {
            return false; // the connection is one of those that the crash has ended
        }
    }

    private Task<bool> IsThereAsync(Guid id, CancellationToken cancellationToken) =>
        _server.ScalarAsync<bool>("select exists (select from heimdall.job where id = $1)", cancellationToken, id);
}
