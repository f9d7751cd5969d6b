using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>What no compiler checks of the sources.</summary>
[Category(RealProcessTests.Category)] // the formatter takes as long as all that ./test.sh --fast runs
[CancelAfter(300_000)]
public sealed class SourceFormTests
{
    [Test]
    public async Task Shellcheck_finds_nothing_in_the_scripts(CancellationToken cancellationToken)
    {
        var scripts = Directory.EnumerateFiles(Repository.Root, "*.sh", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.Split('/').Intersect(["bin", "obj", ".heimdall"]).Any())
            .Append(".ci/run").ToArray();

        string[] some = ["run.sh", "test.sh", "scripts/postgres.sh", "configs/compose/create_databases.sh"];
        Assert.That(scripts, Is.SupersetOf(some));
        InstalledPrograms.Require("shellcheck");
        await AssertIsQuietAsync("shellcheck", ["--external-sources", .. scripts], cancellationToken);
    }

    [Test]
    public Task The_layout_of_sources_is_that_of_the_formatter(CancellationToken cancellationToken) =>
        AssertIsQuietAsync(
            "dotnet", ["format", "whitespace", "--verify-no-changes", "--folder", "."], cancellationToken);

    private static async Task AssertIsQuietAsync(
        string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Repository.Root,
            // The formatter reads all our code with what was compiled ahead of time or is compiled once, and well.
            Environment = { ["DOTNET_TieredCompilation"] = "0" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);

        Assert.That(process.ExitCode, Is.Zero, $"{await output}{await errors}");
    }
}
