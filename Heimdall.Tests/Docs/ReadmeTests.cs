using System.Diagnostics;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Docs;

/// <summary>What the README tells people to type works as it is written there.</summary>
[CancelAfter(120_000)]
public sealed partial class ReadmeTests() : RealProcessTests(processes: 1)
{
    /// <summary>They start what the tests have started already, or the tests themselves, or take too long.</summary>
    private static readonly string[] TypedByThePerson =
    [
        "./run.sh", "./test.sh", "dotnet run -c Release --project Heimdall.Benchmarks -- scripts",
        "dotnet run -c Release --project Heimdall.Benchmarks -- queries",
        "dotnet run -c Release --project Heimdall.Benchmarks -- lists",
        "dotnet run -c Release --project Heimdall.Benchmarks -- queue",
    ];

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { SqlUploads = "enabled: true" });
        foreach (var script in Directory.GetFiles(Repository.PathOf("configs/sql")))
        {
            File.Copy(script, Path.Combine(_heimdall.SqlDirectory, Path.GetFileName(script)));
        }
        var sample = await _heimdall.SubmitAsync("create_employees.sql", returnResult: false, CancellationToken.None, prefer: "wait=30");
        Assert.That(sample["status"], Is.EqualTo("SUCCEEDED"));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Every_command_works(CancellationToken cancellationToken)
    {
        var blocks = Blocks().Matches(Repository.Read("README.md")).Select(match => match.Groups["commands"].Value.Trim()).ToArray();
        Assert.That(blocks, Is.SupersetOf(TypedByThePerson));

        var output = new Dictionary<string, string>();
        foreach (var block in blocks.Except(TypedByThePerson))
        {
            output[block] = await RunAsync(block, cancellationToken);
        }

        Assert.That(output.Values.Count(text => text.Contains("\"status\":\"SUCCEEDED\"", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(3));
        Assert.That(output.Values, Has.Some.Contains("\"Ada Lovelace\""));
        Assert.That(output.Values, Has.Some.Contains("\"path\":\"reports/headcount.sql\""));
        Assert.That(output.Values, Has.Some.Contains("no problems found"));
        Assert.That(output.Values, Has.Some.Contains("hash: sha256:"));
    }

    /// <summary>Runs a block in bash, against this instance; a reply that is an error fails it, but for the cancel of a job that has ended.</summary>
    private async Task<string> RunAsync(string block, CancellationToken cancellationToken)
    {
        var commands = block
            .Replace("http://127.0.0.1:9090", _heimdall.Address.ToString().TrimEnd('/'), StringComparison.Ordinal)
            .Replace("dotnet run --project Heimdall.Api --", $"dotnet '{Path.Combine(AppContext.BaseDirectory, "Heimdall.Api.dll")}'", StringComparison.Ordinal);
        commands = Regex.Replace(commands, "curl -s(?! -X POST)", "curl -sS --fail-with-body");
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-e", "-c", commands])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = bash.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = bash.StandardError.ReadToEndAsync(cancellationToken);
        await bash.WaitForExitAsync(cancellationToken);

        Assert.That(bash.ExitCode, Is.Zero, $"{block}\n{await output}\n{await errors}");
        return await output;
    }

    [GeneratedRegex("^```sh\n(?<commands>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
