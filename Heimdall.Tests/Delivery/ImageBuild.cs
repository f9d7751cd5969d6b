using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>
/// Does what the Dockerfile says without an engine: copies and runs what its build stage does, in a folder of its own.
/// Paths of the stage lie below the folder.
/// </summary>
internal sealed class ImageBuild(string folder)
{
    private readonly Dictionary<string, string> _arguments = new()
    {
        ["TARGETARCH"] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64",
    };

    private readonly Dictionary<string, string> _environment = new()
    {
        // No build server stays behind, and analyzers find nothing here that the build has not found.
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["UseSharedCompilation"] = "false",
        ["RunAnalyzers"] = "false",
    };

    // Compiling ahead of time is most of the stage's work, and test.sh's own build has done the same.
    private readonly HashSet<string> _leftOut = ["PublishReadyToRun"];

    private string _directory = "/";

    /// <summary>The stage that builds both programs.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var (instruction, rest) in InstructionsOf("build"))
        {
            switch (instruction)
            {
                case "ARG" when _arguments.ContainsKey(rest):
                    break;
                case "ENV" when _leftOut.Contains(rest.Split('=')[0]):
                    break;
                case "ENV":
                    _environment[rest.Split('=')[0]] = rest.Split('=')[1];
                    break;
                case "WORKDIR":
                    _directory = Directory.CreateDirectory($"{folder}{rest}").FullName;
                    break;
                case "COPY":
                    Copy(rest.Split(' '));
                    break;
                case "RUN":
                    await RunAsync(Expand(rest, _arguments), cancellationToken);
                    break;
                default:
                    throw NotDone(instruction, rest);
            }
        }
    }

    /// <summary>The stage that makes an image of one program.</summary>
    /// <param name="program">Its build argument.</param>
    /// <param name="image">The folder that paths of the image lie below.</param>
    public async Task<Image> MakeAsync(string program, string image, CancellationToken cancellationToken)
    {
        string[] command = [];
        foreach (var (instruction, rest) in InstructionsOf("the image"))
        {
            switch (instruction)
            {
                case "ARG" when rest == "PROGRAM":
                    break;
                case "COPY" when rest.Split(' ') is ["--from=build", var source, var target]:
                    var built = folder + Expand(source, new() { ["PROGRAM"] = program });
                    await RunAsync($"cp -a '{built}' '{image}{target}'", cancellationToken);
                    break;
                case "ENTRYPOINT" or "CMD":
                    command = [.. command, .. JsonSerializer.Deserialize<string[]>(rest)!];
                    break;
                case "USER" when rest == "$APP_UID":
                    break;
                default:
                    throw NotDone(instruction, rest);
            }
        }
        return new Image(image, command);
    }

    private static IEnumerable<(string Instruction, string Operands)> InstructionsOf(string wanted)
    {
        var stage = "";
        foreach (var line in Repository.Read("Dockerfile").Split('\n').Where(line => line.Length > 0 && !line.StartsWith('#')))
        {
            var (instruction, rest) = line.Split(' ', 2) is [var first, var second] ? (first, second) : (line, "");
            if (instruction == "FROM")
            {
                stage = rest.Split(" AS ") is [_, var name] ? name : "the image";
            }
            else if (stage == wanted)
            {
                yield return (instruction, rest);
            }
        }
    }

    private static NotSupportedException NotDone(string instruction, string rest) =>
        new($"These tests cannot do what the Dockerfile says: {instruction} {rest}");

    private static string Expand(string text, Dictionary<string, string> arguments) => arguments.Aggregate(text, (expanded, argument) =>
        expanded.Replace($"${{{argument.Key}}}", argument.Value, StringComparison.Ordinal));

    private void Copy(string[] paths)
    {
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
        };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }
        start.Environment.Remove("DOTNET_TC_CallCounting"); // a compiler runs long enough to become faster
        using var shell = Process.Start(start)!;
        var output = await shell.StandardOutput.ReadToEndAsync(cancellationToken);
        await shell.WaitForExitAsync(cancellationToken);
        Assert.That(shell.ExitCode, Is.Zero, $"{command}\n{output}");
    }
}

/// <summary>What an engine would run: a command, and the folder that the image's paths lie below.</summary>
internal sealed class Image(string folder, string[] command)
{
    /// <summary>The command that the image starts with, of its ENTRYPOINT and its CMD.</summary>
    public string[] Command { get; } = [.. command.Select(word => Locate(folder, word))];

    /// <summary>Where a path of the image lies; any other text stays.</summary>
    public string Locate(string text) => Locate(folder, text);

    private static string Locate(string folder, string text) => text.StartsWith('/') ? folder + text : text;
}
