using System.Globalization;

namespace Heimdall.Tests.Support;

/// <summary>What the environment says about how long the random tests run, and with which numbers.</summary>
internal static class TestSetting
{
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("HEIMDALL_LONG_TESTS") == "1";

    public static int? Number(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
