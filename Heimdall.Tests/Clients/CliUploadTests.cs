using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Api.Callers;
using Heimdall.Cli;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary><c>heimdall run</c> with scripts that are put where jobs can name them.</summary>
[CancelAfter(120_000)]
public sealed class CliUploadTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with { Server = "max_body_bytes: 20000", SqlUploads = "enabled: true" });
        await _heimdall.Target.ExecuteAsync("create table effect (n text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase(100_000)]
    [TestCase(5_000_000)]
    public async Task A_text_that_is_larger_than_a_job_may_be_runs_as_a_script_under_a_path_of_its_own(
        int bytes, CancellationToken cancellationToken)
    {
        var sql = $"insert into effect values ('large {bytes}');\n-- {new string('x', bytes)}\n";
        var (first, second) = (Cli(sql), Cli(sql));

        Assert.That(await first.RunAsync("run", "-", "--name", "My load.sql"), Is.Zero, first.Error);
        Assert.That(await second.RunAsync("run", "-", "--name", "My load.sql"), Is.Zero, second.Error);

        Assert.That(first.Error, Does.Match(
            @"^The script is at cli/[0-9a-f]{24}/My-load\.sql \(\d+ bytes, SHA-256 [0-9a-f]{64}\)\.\n"));
        Assert.That(first.Error.Split('\n')[0], Is.EqualTo(second.Error.Split('\n')[0]));
        var context = (await JobOfAsync(first, cancellationToken)).Json.GetProperty("context");
        Assert.That(context.GetProperty("query").GetString(), Does.StartWith("cli/"));
        Assert.That(context.GetProperty("sha256").GetString(), Is.EqualTo(HashOf(sql)));
        Assert.That(
            await _heimdall.Target.ScalarAsync<long>(
                $"select count(*) from effect where n = 'large {bytes}'", cancellationToken),
            Is.EqualTo(2));
    }

    [Test]
    public async Task A_script_that_is_put_is_pinned(CancellationToken cancellationToken)
    {
        const string Sql = "insert into effect values ('pinned');\n";
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/queue/pause", cancellationToken)).AssertStatus(200);
        var (kept, changed) = (Cli(Sql), Cli(Sql));
        await kept.RunAsync("run", "-", "--upload", "pinned/kept.sql", "--detach");
        await changed.RunAsync("run", "-", "--upload", "pinned/changed.sql", "--detach");

        _heimdall.WriteScript("pinned/changed.sql", "insert into effect values ('another');\n");
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/queue/resume", cancellationToken)).AssertStatus(200);

        var good = await _heimdall.WaitForEndAsync(Guid.Parse(kept.Out.Trim()), cancellationToken);
        var bad = await _heimdall.WaitForEndAsync(Guid.Parse(changed.Out.Trim()), cancellationToken);
        Assert.That((good["status"], good["sha256"]), Is.EqualTo(("SUCCEEDED", HashOf(Sql))), good.Text);
        Assert.That(bad["status"], Is.EqualTo("FAILED"), bad.Text);
        Assert.That(bad["error"], Does.Contain("Nothing of it was run"));
        Assert.That(
            await _heimdall.Target.ColumnAsync<string>(
                "select n from effect where n in ('pinned', 'another')", cancellationToken),
            Is.EqualTo(new[] { "pinned" }));
    }

    [Test]
    public async Task An_error_in_a_script_that_is_put_shows_its_place()
    {
        var cli = Cli("select 1;\nselect nothing;");

        Assert.That(await cli.RunAsync("run", "-", "--upload", "wrong.sql"), Is.EqualTo(CliExitCode.SqlError));
        Assert.That(cli.Error, Does.Contain("line 2, column 8:\n  select nothing;\n         ^\n"));
    }

    [Test]
    public async Task Scripts_that_are_there_are_listed_shown_and_deleted()
    {
        var (put, list, show) = (Cli("select 1;\n"), Cli(), Cli());
        await put.RunAsync("run", "-", "--upload", "seen/one.sql");

        Assert.That(await list.RunAsync("scripts", "list", "--prefix", "seen/", "--format", "json"), Is.Zero);
        Assert.That(
            JsonDocument.Parse(list.Out).RootElement.GetProperty("path").GetString(), Is.EqualTo("seen/one.sql"));
        Assert.That((await show.RunAsync("scripts", "show", "seen/one.sql"), show.Out), Is.EqualTo((0, "select 1;\n")));
        Assert.That(await Cli().RunAsync("scripts", "delete", "seen/one.sql"), Is.Zero);
        var gone = Cli();
        Assert.That(await gone.RunAsync("scripts", "show", "seen/one.sql"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(gone.Error, Does.Contain("There is no script seen/one.sql."));
    }

    [TestCase("--upload", "../effect.sql", "not the path of a script")]
    [TestCase("--upload", "effect.txt", "It must end in .sql")]
    [TestCase("--upload", "effect.sql", "--dry-run changes nothing", "--dry-run")]
    public async Task What_cannot_be_put_is_refused(string option, string path, string said, params string[] more)
    {
        var cli = Cli("select 1");

        Assert.That(await cli.RunAsync(["run", "-", option, path, .. more]), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain(said));
    }

    [Test]
    public async Task Where_uploads_are_off_the_refusal_says_what_would_be_right()
    {
        await using var closed = await HeimdallInstance.StartAsync(
            config => config with { Server = "max_body_bytes: 20000" }, worker: false);
        var asked = new CliRun(closed.Address) { Input = "select 1" };
        var large = new CliRun(closed.Address) { Input = $"select 1 -- {new string('x', 30_000)}" };

        Assert.That(await asked.RunAsync("run", "-", "--upload", "a.sql"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(asked.Error, Is.EqualTo(
            "heimdall: Script uploads are not enabled on this server (sql_uploads.enabled). "
            + "Leave out --upload, and the text itself is sent; or have uploads enabled there.\n"));
        Assert.That(await large.RunAsync("run", "-"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(large.Error, Does.StartWith(
            "heimdall: The request body is larger than this server takes (server.max_body_bytes). "
            + "Nor can it be put there as a script: Script uploads are not enabled"));
        Assert.That(Directory.GetFileSystemEntries(closed.SqlDirectory), Is.Empty);
    }

    [Test]
    public async Task A_caller_who_may_put_no_scripts_is_told_so()
    {
        var (key, hash) = ApiKeyRing.Create();
        await using var guarded = await HeimdallInstance.StartAsync(
            config => config with
            {
                Auth = $"api_keys: [{{user: rita, hash: \"{hash}\"}}], roles: [{{role: reader, users: [rita]}}], "
                    + "default_role: none",
                SqlUploads = "enabled: true",
            },
            worker: false);
        var cli = new CliRun(guarded.Address) { Input = "select 1", Variables = { ["HEIMDALL_KEY"] = key } };

        Assert.That(await cli.RunAsync("run", "-", "--upload", "a.sql"), Is.EqualTo(CliExitCode.NotAllowed), cli.Error);
    }

    private CliRun Cli(string input = "") => new(_heimdall.Address) { Input = input };

    private async Task<Reply> JobOfAsync(CliRun cli, CancellationToken cancellationToken) =>
        await _heimdall.JobAsync(Guid.Parse(cli.Error.Split("(job ")[1].Split(')')[0]), cancellationToken);

    private static string HashOf(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
}
