using System.Diagnostics;
using System.Globalization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;
using Heimdall.Tests.Support;
using Heimdall.Worker;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>The units in configs/systemd.</summary>
[CancelAfter(60_000)]
public sealed class SystemdTests
{
    private static string[] Units => Directory.GetFiles(Repository.PathOf("configs/systemd"), "*.service");

    [Test]
    public void Each_unit_starts_its_program_and_gives_it_the_time_to_stop()
    {
        var longest = WorkerHost.StopTimeOf(new WorkerConfig()) + HostProgram.LastResort;
        foreach (var unit in Units.Select(File.ReadAllText))
        {
            var stop = int.Parse(Value(unit, "TimeoutStopSec"), CultureInfo.InvariantCulture);

            Assert.That(TimeSpan.FromSeconds(stop), Is.GreaterThan(longest));
            Assert.That(Value(unit, "ExecStartPre"), Is.EqualTo($"{Value(unit, "ExecStart")} --check"));
            Assert.That(Value(unit, "Restart"), Is.EqualTo("always"), "a process that is too old ends by itself");
            Assert.That(Value(unit, "StartLimitIntervalSec"), Is.EqualTo("0"), "it is never given up");
            Assert.That(Value(unit, "ProtectSystem"), Is.EqualTo("strict"));
            Assert.That(Value(unit, "StateDirectory"), Is.EqualTo("heimdall"), "scripts and results are written");
            Assert.That(Value(unit, "CapabilityBoundingSet"), Is.Empty);
            Assert.That(unit, Does.Not.Contain("MemoryDenyWriteExecute"), "the compiler writes code");
        }
        Assert.That(
            Units.Select(File.ReadAllText).Select(unit => Path.GetFileName(Value(unit, "ExecStart").Split(' ')[0])),
            Is.EquivalentTo(["Heimdall.Api", "Heimdall.Worker"]));
    }

    [Test]
    public async Task Systemd_finds_nothing_wrong(CancellationToken cancellationToken)
    {
        InstalledPrograms.Require("systemd-analyze");
        var folder = Directory.CreateTempSubdirectory("heimdall-units-").FullName;
        foreach (var file in Units)
        {
            // The programs and their user are not installed here.
            var lines = (await File.ReadAllLinesAsync(file, cancellationToken)).Select(line =>
                line.StartsWith("Exec", StringComparison.Ordinal) ? $"{line.Split('=')[0]}=/bin/true --config"
                : line.Replace("User=heimdall", "User=root", StringComparison.Ordinal));
            var name = Path.GetFileName(file).Replace("@.", "@1.", StringComparison.Ordinal);
            await File.WriteAllLinesAsync(Path.Combine(folder, name), lines, cancellationToken);
        }

        using var process = Process.Start(new ProcessStartInfo(
            "/usr/bin/systemd-analyze", ["verify", "--recursive-errors=no", .. Directory.GetFiles(folder)])
        {
            RedirectStandardError = true,
        })!;
        var errors = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);

        Directory.Delete(folder, recursive: true);
        Assert.That(process.ExitCode, Is.Zero, errors);
        Assert.That(
            errors.Split('\n').Where(line => line.Contains(folder, StringComparison.Ordinal)), Is.Empty,
            "what it says of the machine's own units does not matter");
    }

    private static string Value(string unit, string key) =>
        unit.Split('\n').Single(line => line.StartsWith($"{key}=", StringComparison.Ordinal))[(key.Length + 1)..];
}
