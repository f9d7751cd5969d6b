using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>Programs that the tests use where they are, and that <c>test.sh</c> looks for.</summary>
internal static class InstalledPrograms
{
    /// <summary>Skips the test where a program is not to be had.</summary>
    public static void Require(string name)
    {
        if (!Has(name))
        {
            Assert.Ignore($"{name} is not installed, and test.sh could not get it.");
        }
    }

    public static bool Has(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, name)));
}
