namespace Heimdall.Core.Configuration;

/// <summary>The tags that every command and cluster carries without anyone writing them, so that a job can ask for one by id, name or version.</summary>
internal static class SystemTags
{
    public static IReadOnlyList<string> Prefixes { get; } = ["_id:", "_name:", "_version:"];

    public static bool IsReserved(string tag) => Prefixes.Any(prefix => tag.StartsWith(prefix, StringComparison.Ordinal));

    public static string[] Of(string id, string name, string version) => [$"_id:{id}", $"_name:{name}", $"_version:{version}"];
}
