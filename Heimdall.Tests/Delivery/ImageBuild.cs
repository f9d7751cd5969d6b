using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>
/// Does what the Dockerfile says without an engine: copies and runs what its build stage does, in a folder of its own.
/// Paths of the image lie below the folder.
/// </summary>
internal sealed class ImageBuild(string folder, string program)
{
    private readonly Dictionary<string, string> _arguments = new()
    {
        ["PROGRAM"] = program,
        ["TARGETARCH"] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64",
    };

    private string _stage = "";
    private string _directory = "/";

    /// <summary>The command that the image starts with, of its ENTRYPOINT and its CMD.</summary>
    public string[] Command { get; private set; } = [];

    /// <summary>Where a path of the image lies; any other text stays.</summary>
    public string Locate(string text) => text.StartsWith('/') ? folder + text : text;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var lines = Repository.Read("Dockerfile").Split('\n').Where(line => line.Length > 0 && !line.StartsWith('#'));
        foreach (var line in lines)
        {
            var (instruction, rest) = line.Split(' ', 2) is [var first, var second] ? (first, second) : (line, "");
            switch (instruction)
            {
                case "FROM":
                    _stage = rest.Split(" AS ") is [_, var stage] ? stage : "the image";
                    break;
                case "ARG" when _arguments.ContainsKey(rest.Split('=')[0]):
                    break;
                case "WORKDIR":
                    _directory = Directory.CreateDirectory(Locate(rest)).FullName;
                    break;
                case "COPY" when rest == "--from=build /app /app" || _stage == "build":
                    Copy(Expand(rest).Split(' '));
                    break;
                case "RUN" when _stage == "build":
                    await RunAsync(Expand(rest), cancellationToken);
                    break;
                case "ENTRYPOINT" or "CMD":
                    Command = [.. Command, .. JsonSerializer.Deserialize<string[]>(rest)!.Select(Locate)];
                    break;
                case "USER" when rest == "$APP_UID":
                    break;
                default:
                    throw new NotSupportedException($"These tests cannot do what the Dockerfile says: {line}");
            }
        }
    }

    private string Expand(string text) => _arguments.Aggregate(text, (expanded, argument) =>
        expanded.Replace($"${{{argument.Key}}}", argument.Value, StringComparison.Ordinal));

    private void Copy(string[] paths)
    {
        if (paths[0].StartsWith("--", StringComparison.Ordinal))
        {
            return; // both stages share the folder
        }
        foreach (var source in paths[..^1])
        {
            var target = Path.Combine(_directory, paths[^1]);
            var file = Repository.PathOf(source);
            if (File.Exists(file))
            {
                CopyFile(file, Path.Combine(target, Path.GetFileName(source)));
                continue;
            }
            foreach (var found in Directory.EnumerateFiles(file, "*", SearchOption.AllDirectories))
            {
                var path = Path.GetRelativePath(file, found);
                if (!path.Split('/').Intersect(["bin", "obj"]).Any()) // as .dockerignore says
                {
                    CopyFile(found, Path.Combine(target, path));
                }
            }
        }
    }

    private static void CopyFile(string source, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(source, target, overwrite: true);
    }

    private async Task RunAsync(string command, CancellationToken cancellationToken)
    {
        command = command.Replace(" /app", $" {folder}/app", StringComparison.Ordinal);
        var start = new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            WorkingDirectory = _directory,
            RedirectStandardOutput = true,
            // No build server stays behind, and analyzers find nothing here that the build has not found.
            Environment =
            {
                ["MSBUILDDISABLENODEREUSE"] = "1",
                ["UseSharedCompilation"] = "false",
                ["RunAnalyzers"] = "false",
            },
        };
        using var shell = Process.Start(start)!;
        var output = await shell.StandardOutput.ReadToEndAsync(cancellationToken);
        await shell.WaitForExitAsync(cancellationToken);
        Assert.That(shell.ExitCode, Is.Zero, $"{command}\n{output}");
    }
}
