using System.Runtime.CompilerServices;

namespace Heimdall.Tests.Support;

/// <summary>The working copy that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Folder(), "../.."));

    public static string PathOf(string file) => Path.Combine(Root, file);

    public static string Read(string file) => File.ReadAllText(PathOf(file));

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
