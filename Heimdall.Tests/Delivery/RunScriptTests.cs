using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using Heimdall.Tests.Docs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>
/// <c>./run.sh</c> as README.md has it, in a copy of what it reads. Only its build is not done again: the copy gets the programs that are
/// beside the tests.
/// </summary>
[CancelAfter(180_000)]
public sealed class RunScriptTests() : RealProcessTests(processes: 3)
{
    private readonly string _root = Directory.CreateTempSubdirectory("heimdall-run-").FullName;
    private readonly int _port = FreePort.Find();
    private readonly int _databasePort = FreePort.Find();

    [OneTimeSetUp]
    public void Copy()
    {
        LetOthersIn(_root); // PostgreSQL's user has to get to its files
        string[] folders = ["scripts", "configs"];
        foreach (var file in folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*", SearchOption.AllDirectories))
            .Append(Repository.PathOf("run.sh")).Append(Repository.PathOf("global.json")))
        {
            var copy = Path.Combine(_root, Path.GetRelativePath(Repository.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        WriteCompiler();
    }

    [OneTimeTearDown]
    public void Delete() => Directory.Delete(_root, recursive: true);

    [Test]
    public async Task The_first_question_of_the_readme_is_answered_after_the_first_start_and_after_the_second(CancellationToken cancellationToken)
    {
        for (var start = 1; start <= 2; start++)
        {
            using var run = StartScript();
            try
            {
                await ReadUntilAsync(run, "Heimdall runs.", cancellationToken);
                await AssertFirstQuestionIsAnsweredAsync(cancellationToken);
                Assert.That(await CountJobsAsync(cancellationToken), Is.EqualTo(start), "the data stays");

                await SendSignalAsync("TERM", run.Id, cancellationToken);

                Assert.That(await ReadUntilAsync(run, "Stopped.", cancellationToken), Does.Contain("Stopping"));
                await run.WaitForExitAsync(cancellationToken);
                Assert.That(run.ExitCode, Is.Zero);
                Assert.That(await IsOpenAsync(_port), Is.False, "the API has ended");
                Assert.That(await IsOpenAsync(_databasePort), Is.False, "PostgreSQL has ended");
                Assert.That(Directory.EnumerateFiles(Path.Combine(_root, ".heimdall/run")), Is.Empty, "both programs have ended");
            }
            finally
            {
                if (!run.HasExited)
                {
                    await SendSignalAsync("TERM", run.Id, CancellationToken.None);
                    await run.WaitForExitAsync(CancellationToken.None);
                }
            }
        }
    }

    [Test]
    public async Task A_key_is_asked_for_where_one_is_given(CancellationToken cancellationToken)
    {
        const string Key = "a+key/of~the_test.with-all=its0signs";
        using var run = StartScript(Key);
        try
        {
            var said = await ReadUntilAsync(run, "Ctrl-C stops", cancellationToken);
            using var client = new HttpClient();
            var jobs = new Uri($"http://127.0.0.1:{_port}/api/v1/jobs");
            using var without = await client.GetAsync(jobs, cancellationToken);
            client.DefaultRequestHeaders.Authorization = new("Bearer", Key);
            using var with = await client.GetAsync(jobs, cancellationToken);

            Assert.That((int)without.StatusCode, Is.EqualTo(401));
            Assert.That((int)with.StatusCode, Is.EqualTo(200));
            Assert.That(said, Does.Contain("-H \"Authorization: Bearer $HEIMDALL_KEY\"").And.Not.Contain(Key));
            Assert.That(
                await File.ReadAllTextAsync(Path.Combine(_root, ".heimdall/local.yaml"), cancellationToken),
                Does.Not.Contain(Key));
        }
        finally
        {
            await SendSignalAsync("TERM", run.Id, CancellationToken.None);
            await run.WaitForExitAsync(CancellationToken.None);
        }
    }

    [TestCase("short")]
    [TestCase("long enough, but with blanks in it")]
    public async Task A_key_that_no_header_can_hold_is_refused(string key, CancellationToken cancellationToken)
    {
        using var run = StartScript(key);

        var said = await run.StandardOutput.ReadToEndAsync(cancellationToken);
        await run.WaitForExitAsync(cancellationToken);

        Assert.That(run.ExitCode, Is.EqualTo(1), said);
        Assert.That(said,
            Does.Match("^HEIMDALL_KEY must have at least 20 letters.* HEIMDALL_KEY=[0-9a-f]{64} ./run.sh\n$"));
    }

    /// <summary>A dotnet that is asked to build gives what is built; all else is the real one's.</summary>
    private void WriteCompiler()
    {
        var real = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "dotnet")).First(File.Exists);
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(_root, "bin")).FullName, "dotnet");
        File.WriteAllText(file, $"""
            #!/usr/bin/env bash
            if [[ $1 != build ]]; then exec '{real}' "$@"; fi
            for program in Heimdall.Api Heimdall.Worker; do
              mkdir -p "{_root}/.heimdall/build/bin/$program"
              ln -sfn '{AppContext.BaseDirectory}' "{_root}/.heimdall/build/bin/$program/release"
            done
            """);
        LetOthersIn(file);
    }

    private static void LetOthersIn(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        }
    }

    private Process StartScript(string key = "")
    {
        // Both streams in one pipe, which nobody has to read to its end.
        var start = new ProcessStartInfo("bash", ["-c", "exec ./run.sh 2>&1"])
        {
            WorkingDirectory = _root,
            RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = $"{Path.Combine(_root, "bin")}:{start.Environment["PATH"]}";
        start.Environment["HEIMDALL_KEY"] = key;
        start.Environment["HEIMDALL_PORT"] = $"{_port}";
        start.Environment["HEIMDALL_PG_PORT"] = $"{_databasePort}";
        return Process.Start(start)!;
    }

    /// <returns>What the script has said so far.</returns>
    private static async Task<string> ReadUntilAsync(Process run, string beginning, CancellationToken cancellationToken)
    {
        var said = "";
        while (await run.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            said += $"{line}\n";
            if (line.StartsWith(beginning, StringComparison.Ordinal))
            {
                return said;
            }
        }
        throw new AssertionException($"run.sh has ended without '{beginning}':\n{said}");
    }

    private async Task AssertFirstQuestionIsAnsweredAsync(CancellationToken cancellationToken)
    {
        var page = DocPage.Read("README.md");
        var (question, reply) = page.Blocks.Zip(page.Blocks.Skip(1)).First(pair => pair.Second.Language == "json");
        var command = question.Text.Replace("http://127.0.0.1:9090", $"http://127.0.0.1:{_port}", StringComparison.Ordinal);
        using var curl = Process.Start(new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true })!;
        var answer = await curl.StandardOutput.ReadToEndAsync(cancellationToken);
        await curl.WaitForExitAsync(cancellationToken);

        using var shown = JsonDocument.Parse(reply.Text);
        Assert.That(ReplyPattern.FindDifference(shown.RootElement, ReplyPattern.LastOf(answer)), Is.Null);
    }

    private async Task<int> CountJobsAsync(CancellationToken cancellationToken)
    {
        using var client = new HttpClient();
        using var jobs = JsonDocument.Parse(await client.GetStringAsync(new Uri($"http://127.0.0.1:{_port}/api/v1/jobs"), cancellationToken));
        return jobs.RootElement.GetProperty("data").GetArrayLength();
    }

    private static async Task SendSignalAsync(string signal, int process, CancellationToken cancellationToken)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        await kill.WaitForExitAsync(cancellationToken);
    }

    private static async Task<bool> IsOpenAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
