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

    [Test]
    public async Task Older_keys_need_the_certificate_that_they_were_encrypted_with(CancellationToken cancellationToken)
    {
        await using var heimdall = await WithCertificatesAsync("certificate: old.pem");
        await heimdall.StartApiAsync();
        var id = await SubmitAsync(heimdall, cancellationToken);
        heimdall.Configure(config => config with { Secrets = "certificate: new.pem" });
        await using (await heimdall.StartWorkerAsync())
        {
            await WaitForRefusalAsync(heimdall, id, cancellationToken);
        }

        heimdall.Configure(
            config => config with { Secrets = "certificate: new.pem, former_certificates: [old.pem]" });
        await heimdall.StartWorkerAsync();

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
    }

    [Test]
    public async Task What_is_put_after_a_certificate_was_renewed_needs_the_old_one_no_more(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await WithCertificatesAsync("certificate: old.pem");
        await heimdall.StartApiAsync();
        await SubmitAsync(heimdall, cancellationToken);
        heimdall.Configure(
            config => config with { Secrets = "certificate: new.pem, former_certificates: [old.pem]" });
        await heimdall.RestartApiAsync();
        var id = await SubmitAsync(heimdall, cancellationToken);

        heimdall.Configure(config => config with { Secrets = "certificate: new.pem" });
        await heimdall.StartWorkerAsync();

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
    }

    [Test]
    public async Task A_plain_key_that_was_there_before_the_certificate_seals_nothing_any_more(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await WithCertificatesAsync("");
        await heimdall.Target.ExecuteAsync("create table taken (secret text)", cancellationToken); // two jobs use it
        await heimdall.StartApiAsync();
        var before = await SubmitAsync(heimdall, cancellationToken);
        Assert.That(await HasEncryptedKeyAsync(heimdall, before, cancellationToken), Is.False);

        heimdall.Configure(config => config with { Secrets = "certificate: new.pem" });
        await heimdall.RestartApiAsync();
        var after = await SubmitAsync(heimdall, cancellationToken);

        Assert.That(await HasEncryptedKeyAsync(heimdall, after, cancellationToken), Is.True);
        await heimdall.StartWorkerAsync();
        Assert.That((await heimdall.WaitForEndAsync(before, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That((await heimdall.WaitForEndAsync(after, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task A_plain_key_that_a_process_without_the_certificate_has_made_seals_nothing_elsewhere(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await WithCertificatesAsync("certificate: new.pem");
        await heimdall.StartApiAsync();
        await SubmitAsync(heimdall, cancellationToken);
        heimdall.Configure(config => config with { Secrets = "" });
        await heimdall.RestartApiAsync();
        var plain = await SubmitAsync(heimdall, cancellationToken);
        Assert.That(await HasEncryptedKeyAsync(heimdall, plain, cancellationToken), Is.False);
        await heimdall.Store.ExecuteAsync(
            """
            update heimdall.dashboard_key set xml = regexp_replace(xml, '<(creationDate|activationDate)>[^<]*',
                '<\1>' || to_char(
                    now() - case when xml like '%EncryptedData%' then interval '9 d' else interval '5 d' end,
                    'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'g')
            """,
            cancellationToken);

        heimdall.Configure(config => config with { Secrets = "certificate: new.pem" });
        await heimdall.RestartApiAsync();
        var id = await SubmitAsync(heimdall, cancellationToken);

        Assert.That(await HasEncryptedKeyAsync(heimdall, id, cancellationToken), Is.True);
    }

    [Test]
    public async Task A_directory_of_keys_that_is_away_costs_no_secret(CancellationToken cancellationToken)
    {
        await using var heimdall = await WithCertificatesAsync("directory: keys");
        var folder = Path.Combine(Path.GetDirectoryName(heimdall.ConfigFile)!, "keys");
        Directory.CreateDirectory(folder);
        await heimdall.StartApiAsync();
        await heimdall.CancelAsync(await SubmitAsync(heimdall, cancellationToken), cancellationToken); // it has the key
        await heimdall.StartWorkerAsync();
        Directory.Move(folder, $"{folder}-away");
        await File.WriteAllTextAsync(folder, "", cancellationToken);
        var id = await SubmitAsync(heimdall, cancellationToken);
        await WaitForRefusalAsync(heimdall, id, cancellationToken);

        File.Delete(folder);
        Directory.Move($"{folder}-away", folder);

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
    }

    [Test]
    public async Task A_process_without_the_certificate_does_not_replace_the_key_of_fingerprints(
        CancellationToken cancellationToken)
    {
        const string Find = "select value from heimdall.shared_setting where name = 'secrets.fingerprint_key'";
        await using var heimdall = await WithCertificatesAsync("certificate: new.pem");
        await heimdall.StartApiAsync();
        var first = (await SubmitWithKeyAsync()).AssertStatus(202);
        var key = await heimdall.Store.ScalarAsync<string>(Find, cancellationToken);
        heimdall.Configure(config => config with { Secrets = "" });
        await heimdall.RestartApiAsync();

        (await SubmitWithKeyAsync()).AssertProblem(503, "cannot use the key by which secrets are compared");

        Assert.That(await heimdall.Store.ScalarAsync<string>(Find, cancellationToken), Is.EqualTo(key));
        heimdall.Configure(config => config with { Secrets = "certificate: new.pem" });
        await heimdall.RestartApiAsync();
        Assert.That((await SubmitWithKeyAsync()).AssertStatus(202).Id, Is.EqualTo(first.Id));

        Task<Reply> SubmitWithKeyAsync() => heimdall.PostJobAsync(
            """
            {"name": "once", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "select 1", "variables": {"pw": {"value": "fingerprinted", "secret": true} } } }
            """,
            cancellationToken, ("Idempotency-Key", "once"));
    }

    /// <summary>Waits until a worker has not been able to read a job's secrets, and has kept them.</summary>
    private static Task WaitForRefusalAsync(
        HeimdallInstance heimdall, Guid id, CancellationToken cancellationToken) => Eventually.Is(
        () => heimdall.Store.ScalarAsync<bool>(
            """
            select exists (select from heimdall.job_attempt
                where job_id = $1 and detail like '%(pw) cannot be read by this worker%')
                and (select secrets is not null from heimdall.job where id = $1)
            """,
            cancellationToken, id),
        cancellationToken);

    private static async Task<HeimdallInstance> WithCertificatesAsync(string secrets)
    {
        var heimdall = await HeimdallInstance.CreateAsync();
        var folder = Path.GetDirectoryName(heimdall.ConfigFile)!;
        TestCertificate.Write(Path.Combine(folder, "old.pem"));
        TestCertificate.Write(Path.Combine(folder, "new.pem"));
        heimdall.Configure(config => config with { Secrets = secrets });
        return heimdall;
    }

    /// <summary>Whether the key by which a job's secrets are sealed is stored encrypted.</summary>
    private static async Task<bool> HasEncryptedKeyAsync(
        HeimdallInstance heimdall, Guid id, CancellationToken cancellationToken)
    {
        var secrets = Convert.FromBase64String(await heimdall.Store.ScalarAsync<string>(
            "select secrets from heimdall.job where id = $1", cancellationToken, id));
        var key = new Guid(secrets.AsSpan(4, 16));
        return await heimdall.Store.ScalarAsync<bool>(
            "select xml like '%EncryptedData%' from heimdall.dashboard_key where xml like '%id=\"' || $1 || '\"%'",
            cancellationToken, key.ToString());
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
