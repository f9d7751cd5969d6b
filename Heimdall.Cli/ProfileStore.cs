using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Cli;

/// <summary>An address with its key.</summary>
internal sealed record StoredProfile(string Url, string? Key, string? Cluster);

/// <summary>Profiles in a file that only its owner can read.</summary>
internal sealed class ProfileStore(Terminal terminal)
{
    public const string DefaultName = "default";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public string File => Path.Combine(
        terminal.Variable("XDG_CONFIG_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(terminal.Variable("HOME") ?? ".", ".config"),
        "heimdall", "profiles.json");

    /// <returns>Null where no name is asked for and there is no default profile.</returns>
    public StoredProfile? Find(string? name)
    {
        var profiles = Read();
        if (profiles[name ?? DefaultName] is not JsonObject profile)
        {
            return name is null ? null : throw new UsageException(
                $"There is no profile '{name}' in {File}; known: {string.Join(", ", profiles.Select(one => one.Key))}.");
        }
        return new StoredProfile(
            (string?)profile["url"] ?? throw new UsageException($"The profile '{name ?? DefaultName}' in {File} has no url."),
            (string?)profile["key"],
            (string?)profile["cluster"]);
    }

    public void Write(string name, StoredProfile profile)
    {
        var profiles = Read();
        profiles[name] = new JsonObject { ["url"] = profile.Url, ["key"] = profile.Key, ["cluster"] = profile.Cluster };
        var folder = Directory.CreateDirectory(Path.GetDirectoryName(File)!).FullName;
        // Whole or not at all, and never readable for others.
        var fresh = Path.Combine(folder, Path.GetRandomFileName());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }
        using (var stream = new FileStream(fresh, options))
        {
            stream.Write(JsonSerializer.SerializeToUtf8Bytes(profiles, Indented));
        }
        System.IO.File.Move(fresh, File, overwrite: true);
    }

    private JsonObject Read()
    {
        if (!System.IO.File.Exists(File))
        {
            return [];
        }
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        if (!OperatingSystem.IsWindows() && (System.IO.File.GetUnixFileMode(File) & Others) != 0)
        {
            terminal.Say($"Others can read the keys in {File}: chmod 600 it.");
        }
        try
        {
            return JsonNode.Parse(System.IO.File.ReadAllBytes(File))?.AsObject() ?? [];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new UsageException($"{File} is no JSON object of profiles; mend it or delete it.");
        }
    }
}
