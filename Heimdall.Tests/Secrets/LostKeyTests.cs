using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Secrets;

/// <summary>What happens when the keys are lost, kept elsewhere, or made by another process.</summary>
[CancelAfter(180_000)]
public sealed class LostKeyTests
{
    private const string Secret = "l0st-and-found-secret";

    [Test]
    public async Task A_job_whose_key_is_lost_fails_and_says_so(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var id = await SubmitAsync(heimdall, cancellationToken);
        await heimdall.Store.ExecuteAsync("delete from heimdall.dashboard_key", cancellationToken);

        await heimdall.StartWorkerAsync();

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(
            job["error"],
            Does.StartWith("The job's secrets (pw) cannot be read.").And.Contain("key ring")
                .And.Contain("It was not run."));
        Assert.That(
            await heimdall.Target.ScalarAsync<bool>("select to_regclass('taken') is null", cancellationToken), Is.True);
    }

    [Test]
    public async Task A_job_whose_secrets_are_gone_from_the_store_fails_and_says_so(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var id = await SubmitAsync(heimdall, cancellationToken);
        await heimdall.Store.ExecuteAsync("update heimdall.job set secrets = null", cancellationToken);

        await heimdall.StartWorkerAsync();

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["error"], Is.EqualTo("The job's secrets (pw) are not in the store. Submit it again."));
    }

    [Test]
    public async Task Secrets_cannot_be_moved_to_another_job(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var mine = await SubmitAsync(heimdall, cancellationToken);
        var other = await SubmitAsync(heimdall, cancellationToken);
        await heimdall.Store.ExecuteAsync(
            "update heimdall.job set secrets = (select secrets from heimdall.job where id = $1) where id = $2",
            cancellationToken, other, mine);

        await heimdall.StartWorkerAsync();

        Assert.That((await heimdall.WaitForEndAsync(mine, cancellationToken))["error"], Does.Contain("cannot be read"));
        Assert.That((await heimdall.WaitForEndAsync(other, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task A_key_that_another_process_has_made_since_is_found(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync();
        await RunAsync(heimdall, cancellationToken);
        await heimdall.Store.ExecuteAsync("delete from heimdall.dashboard_key", cancellationToken);
        await heimdall.RestartApiAsync(); // it makes a key, which the worker has not read

        await RunAsync(heimdall, cancellationToken);

        Assert.That(
            await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.dashboard_key", cancellationToken),
            Is.EqualTo(1));
    }

    [TestCase("")]
    [TestCase("certificate: keys.pem")]
    public async Task Keys_in_a_directory_serve_all_processes(string more, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        var folder = Path.Combine(Path.GetDirectoryName(heimdall.ConfigFile)!, "keys");
        Directory.CreateDirectory(folder);
        TestCertificate.Write(Path.Combine(Path.GetDirectoryName(heimdall.ConfigFile)!, "keys.pem"));
        heimdall.Configure(config => config with
        {
            Secrets = string.Join(", ", new[] { "directory: keys", more }.Where(part => part.Length > 0)),
        });
        await heimdall.StartApiAsync();
        await heimdall.StartWorkerAsync();

        await RunAsync(heimdall, cancellationToken);

        Assert.That(
            await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.dashboard_key", cancellationToken),
                Is.Zero);
        var keys = Directory.GetFiles(folder).Select(File.ReadAllText).ToArray();
        Assert.That(keys, Has.Length.EqualTo(1));
        Assert.That(keys[0].Contains("EncryptedData", StringComparison.Ordinal), Is.EqualTo(more.Length > 0));
    }

    [TestCase("certificate: new.pem, former_certificates: [old.pem]", "SUCCEEDED")]
    [TestCase("certificate: new.pem", "FAILED")]
    public async Task Older_keys_need_the_certificate_that_they_were_encrypted_with(
        string secrets, string status, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        var folder = Path.GetDirectoryName(heimdall.ConfigFile)!;
        TestCertificate.Write(Path.Combine(folder, "old.pem"));
        TestCertificate.Write(Path.Combine(folder, "new.pem"));
        heimdall.Configure(config => config with { Secrets = "certificate: old.pem" });
        await heimdall.StartApiAsync();
        var id = await SubmitAsync(heimdall, cancellationToken);

        heimdall.Configure(config => config with { Secrets = secrets });
        await heimdall.StartWorkerAsync();

        Assert.That((await heimdall.WaitForEndAsync(id, cancellationToken))["status"], Is.EqualTo(status));
    }

    private static async Task<Guid> SubmitAsync(HeimdallInstance heimdall, CancellationToken cancellationToken) =>
        (await heimdall.SubmitAsync(
            "create table if not exists taken (secret text); insert into taken values (:'pw');", returnResult: false,
                cancellationToken,
            more: new { variables = new { pw = new { value = Secret, secret = true } } })).AssertStatus(202).Id;

    private static async Task RunAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var job = await heimdall.WaitForEndAsync(await SubmitAsync(heimdall, cancellationToken), cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(
            await heimdall.Target.ScalarAsync<string>("select secret from taken limit 1", cancellationToken),
                Is.EqualTo(Secret));
    }
}
