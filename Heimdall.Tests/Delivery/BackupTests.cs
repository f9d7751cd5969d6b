using System.Diagnostics;
using System.Text.RegularExpressions;
using Heimdall.Tests.Docs;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>The commands of docs/operate/backup.md. A job that runs or waits at the backup runs once.</summary>
[Category(RealProcessTests.Category)]
[CancelAfter(180_000)]
public sealed partial class BackupTests
{
    private const string Open = "/api/v1/jobs?status=ACCEPTED,RUNNING,CANCELING";

    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-backup-").FullName;

    [OneTimeTearDown]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Jobs_continue_in_a_restored_database_and_run_once(CancellationToken cancellationToken)
    {
        var restored = $"heimdall_test_restored_{Guid.NewGuid():N}";
        await using var heimdall = await HeimdallInstance.CreateAsync();
        await heimdall.Target.ExecuteAsync("create table effect (number int)", cancellationToken);
        await heimdall.StartApiAsync();
        var worker = await heimdall.StartWorkerAsync();
        for (var number = 0; number < 5; number++)
        {
            var ended = await heimdall.EnqueueAsync($"insert into effect values ({number})", cancellationToken);
            await heimdall.WaitForEndAsync(ended, cancellationToken);
        }
        await heimdall.CloseGateAsync("backup", cancellationToken);
        for (var number = 5; number < 20; number++)
        {
            await heimdall.EnqueueAsync(
                $"insert into effect values ({number}); {HeimdallInstance.WaitAt("backup")}", cancellationToken);
        }
        await Eventually.Becomes(
            () => heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job_attempt where evidence is not null and outcome is null",
                cancellationToken),
            () => Is.EqualTo(4), cancellationToken); // all slots

        var blocks = DocPage.Read("docs/operate/backup.md").Blocks
            .Where(block => block.Language == "sh" && block.Text.Contains("pg_", StringComparison.Ordinal)).ToArray();
        Assert.That(blocks, Has.Length.EqualTo(2));
        await RunAsync(heimdall, restored, blocks[0].Text, cancellationToken);
        await worker.DisposeAsync();
        await heimdall.StopApiAsync();
        await RunAsync(heimdall, restored, blocks[0].Text.Split('\n')[0] + "\n" + blocks[1].Text, cancellationToken);
        try
        {
            heimdall.Configure(config => config with
            {
                Store = config.Store.Replace(heimdall.Store.Name, restored, StringComparison.Ordinal),
            });
            await heimdall.StartApiAsync();
            var next = await heimdall.StartWorkerAsync();
            await heimdall.OpenGateAsync("backup", cancellationToken);

            await Eventually.Becomes(
                async () => (await heimdall.GetAsync(Open, cancellationToken))["data"],
                () => Is.EqualTo("[]"), cancellationToken, TimeSpan.FromSeconds(90));
            var jobs = (await heimdall.GetAsync("/api/v1/jobs?limit=100", cancellationToken)).Json.GetProperty("data");
            Assert.That(
                jobs.EnumerateArray().Select(job => job.GetProperty("status").GetString()),
                Has.Exactly(20).Items.And.All.EqualTo("SUCCEEDED"));
            Assert.That(
                await heimdall.Target.ColumnAsync<int>("select number from effect order by number", cancellationToken),
                Is.EqualTo(Enumerable.Range(0, 20)));
            await next.DisposeAsync();
            await heimdall.StopApiAsync();
        }
        finally
        {
            await heimdall.Store.ExecuteAsync($"drop database {restored} with (force)", CancellationToken.None);
        }
    }

    /// <summary>As the page has them, at the tests' server and with other names.</summary>
    private async Task RunAsync(
        HeimdallInstance heimdall, string restored, string commands, CancellationToken cancellationToken)
    {
        var server = new NpgsqlConnectionStringBuilder(heimdall.Store.ConnectionString);
        var there = $"export PGHOST={server.Host} PGPORT={server.Port} PGUSER={server.Username}";
        var programs = Environment.GetEnvironmentVariable("HEIMDALL_TEST_PG_BIN");
        var script = Server().Replace(commands, there)
            .Replace("heimdall_restored", restored, StringComparison.Ordinal);
        script = Database().Replace(script, $" {heimdall.Store.Name}");
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-e", "-c", script])
        {
            WorkingDirectory = _folder,
            Environment = { ["PATH"] = $"{programs}:{Environment.GetEnvironmentVariable("PATH")}" },
            RedirectStandardError = true,
        })!;
        var errors = await bash.StandardError.ReadToEndAsync(cancellationToken);
        await bash.WaitForExitAsync(cancellationToken);

        Assert.That(bash.ExitCode, Is.Zero, $"{script}\n{errors}");
    }

    [GeneratedRegex("^export .*$", RegexOptions.Multiline)]
    private static partial Regex Server();

    [GeneratedRegex(" heimdall$", RegexOptions.Multiline)]
    private static partial Regex Database();
}
