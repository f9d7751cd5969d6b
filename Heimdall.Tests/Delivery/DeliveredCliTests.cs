using System.Diagnostics;
using System.Runtime.InteropServices;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>The command line as its users install it: one file, and a .NET tool.</summary>
[CancelAfter(600_000)]
public sealed class DeliveredCliTests() : RealProcessTests(processes: 1)
{
    private const string Version = "9.8.7";

    private HeimdallInstance _heimdall = null!;
    private string _folder = null!;

    [OneTimeSetUp]
    public async Task Make()
    {
        if (!TestSetting.IsLong)
        {
            Assert.Ignore("HEIMDALL_LONG_TESTS=1 makes the packages of the command line, which takes a minute.");
        }
        _folder = Directory.CreateTempSubdirectory("heimdall-delivered-").FullName;
        _heimdall = await HeimdallInstance.StartAsync(worker: false);
        var (code, output) = await RunAsync(
            Repository.PathOf("scripts/package_cli.sh"), [Version, _folder, Machine], CancellationToken.None);
        Assert.That(code, Is.Zero, output);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_heimdall is not null)
        {
            await _heimdall.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static string Machine =>
        RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";

    [Test]
    public async Task One_file_is_all_that_it_needs(CancellationToken cancellationToken)
    {
        var place = Directory.CreateDirectory(Path.Combine(_folder, "single")).FullName;
        var (unpacked, why) = await RunAsync(
            "tar", ["-xzf", Path.Combine(_folder, $"heimdall-cli-{Version}-{Machine}.tar.gz"), "-C", place],
            cancellationToken);

        Assert.That(unpacked, Is.Zero, why);
        Assert.That(
            Directory.GetFiles(place).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "heimdall", "LICENSE", "NOTICE" }));
        await AnswersAsync(Path.Combine(place, "heimdall"), isAlone: true, cancellationToken);
    }

    [Test]
    public async Task The_tool_is_installed_from_its_package(CancellationToken cancellationToken)
    {
        var (tools, sources) = (Path.Combine(_folder, "tools"), Path.Combine(_folder, "nuget.config"));
        await File.WriteAllTextAsync(
            sources,
            $"""
            <configuration>
              <packageSources><clear /><add key="here" value="{_folder}" /></packageSources>
            </configuration>
            """,
            cancellationToken);

        var (installed, output) = await RunAsync(
            "env",
            [
                $"NUGET_PACKAGES={Path.Combine(_folder, "packages")}", "dotnet", "tool", "install", "Heimdall.Cli",
                "--version", Version, "--tool-path", tools, "--configfile", sources,
            ],
            cancellationToken);

        Assert.That(installed, Is.Zero, output);
        await AnswersAsync(Path.Combine(tools, "heimdall"), isAlone: false, cancellationToken);
    }

    private async Task AnswersAsync(string program, bool isAlone, CancellationToken cancellationToken)
    {
        var help = await RunAsync(program, ["--help"], cancellationToken, isAlone);
        var version = await RunAsync(program, ["--version"], cancellationToken, isAlone);
        var query = await RunAsync(
            program, ["query", "select 1.50 as n", "--cluster", "data:local"], cancellationToken, isAlone);

        Assert.That(help.Code, Is.Zero, help.Output);
        Assert.That(help.Output, Does.Contain("Usage:").And.Contain("query").And.Contain("--profile"));
        Assert.That(version, Is.EqualTo((0, $"{Version}\n")));
        Assert.That(query, Is.EqualTo((0, "n\n1.50\n")));
    }

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="isAlone">Whether it finds no .NET and nothing else.</param>
    private async Task<(int Code, string Output)> RunAsync(
        string program, string[] arguments, CancellationToken cancellationToken, bool isAlone = false)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (isAlone)
        {
            start.Environment.Clear();
            start.Environment["PATH"] = _folder;
        }
        else
        {
            // Of the .NET that runs the tests, wherever that is: shared/Microsoft.NETCore.App/10.0.0/ is below it.
            start.Environment["DOTNET_ROOT"] = Path.GetFullPath($"{RuntimeEnvironment.GetRuntimeDirectory()}../../..");
        }
        start.Environment["HEIMDALL_URL"] = _heimdall.Address.AbsoluteUri;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, output + await error);
    }
}
