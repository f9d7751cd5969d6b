using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>Gives a process of its own a clock of its own, by a library that is loaded before all others.</summary>
internal static class SkewedProcess
{
    /// <summary>For the environment of the process. The test needs a C compiler.</summary>
    /// <param name="skew">How far its clock is ahead.</param>
    /// <param name="folder">Where the library is put.</param>
    /// <param name="cancellationToken">Ends the compiler.</param>
    public static async Task<KeyValuePair<string, string>[]> VariablesAsync(
        TimeSpan skew, string folder, CancellationToken cancellationToken)
    {
        InstalledPrograms.Require("cc");
        var library = Path.Combine(folder, "skewed_clock.so");
        var source = Repository.PathOf("Heimdall.Tests/Support/skewed_clock.c");
        using var compile = Process.Start("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]);
        await compile.WaitForExitAsync(cancellationToken);
        Assert.That(compile.ExitCode, Is.Zero);
        return
        [
            new("LD_PRELOAD", library),
            new("HEIMDALL_TEST_SKEW", ((long)skew.TotalSeconds).ToString(CultureInfo.InvariantCulture)),
        ];
    }
}
