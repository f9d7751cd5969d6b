using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Descriptions;

/// <summary>Programs that read the OpenAPI document. <c>test.sh</c> fetches them; no test does.</summary>
internal sealed class Generators : IDisposable
{
    private const string Sources = "Heimdall.Tests/Descriptions/Generated";

    private readonly string _home;

    private Generators(string home, string document)
    {
        _home = home;
        File.WriteAllText(PathOf("openapi.json"), document);
    }

    /// <summary>Where they work.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("heimdall-generated-").FullName;

    /// <summary>Skips the test where they are not to be had.</summary>
    public static async Task<Generators> PrepareAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var home = Environment.GetEnvironmentVariable("HEIMDALL_TEST_GENERATORS");
        if (home is null)
        {
            Assert.Ignore("The generators of clients are not here: test.sh fetches them, where there is npm.");
        }
        var document = (await heimdall.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);
        return new Generators(home!, document.Text);
    }

    /// <summary>Copies what a program of ours consists of.</summary>
    public void Copy(string language)
    {
        foreach (var file in Directory.EnumerateFiles(Repository.PathOf($"{Sources}/{language}")))
        {
            File.Copy(file, PathOf(Path.GetFileName(file)));
        }
    }

    /// <summary>Runs a program of a package of npm.</summary>
    public Task<string> NpmAsync(string program, CancellationToken cancellationToken, params string[] arguments)
    {
        if (!Path.Exists(PathOf("node_modules")))
        {
            Directory.CreateSymbolicLink(PathOf("node_modules"), Path.Combine(_home, "node_modules"));
        }
        return RunAsync(Path.Combine(_home, "node_modules", ".bin", program), cancellationToken, arguments);
    }

    public Task<string> KiotaAsync(CancellationToken cancellationToken, params string[] arguments) =>
        RunAsync(Path.Combine(_home, "tools", "kiota"), cancellationToken, arguments);

    /// <returns>What it has printed.</returns>
    public async Task<string> RunAsync(string program, CancellationToken cancellationToken, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KIOTA_OFFLINE_ENABLED"] = "true";
        start.Environment["KIOTA_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["REDOCLY_TELEMETRY"] = "off";
        start.Environment["REDOCLY_SUPPRESS_UPDATE_NOTICE"] = "true";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            var text = await output + await errors;
            Assert.That(
                process.ExitCode, Is.Zero, $"{Path.GetFileName(program)} {string.Join(' ', arguments)}\n{text}");
            return text;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private string PathOf(string file) => Path.Combine(Folder, file);
}
