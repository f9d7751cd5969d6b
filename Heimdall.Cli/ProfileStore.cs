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
        Absolute("XDG_CONFIG_HOME")
            ?? Path.Combine(Absolute("HOME") ?? HomeOfUser() ?? throw new UsageException(
                "There is no folder for profiles: set HOME or XDG_CONFIG_HOME to an absolute path."), ".config"),
        "heimdall", "profiles.json");

    /// <returns>Null where no name is asked for and there is no default profile.</returns>
    public StoredProfile? Find(string? name)
    {
        var profiles = Read();
        if (profiles[name ?? DefaultName] is not JsonObject profile)
        {
            var known = string.Join(", ", profiles.Select(one => one.Key));
            return name is null
                ? null
                : throw new UsageException($"There is no profile '{name}' in {File}; known: {known}.");
        }
        return new StoredProfile(
            Text("url") ?? throw new UsageException($"The profile '{name ?? DefaultName}' in {File} has no url."),
            Text("key"), Text("cluster"));

        string? Text(string member) => profile[member] switch
        {
            null => null,
            JsonValue value when value.TryGetValue<string>(out var text) => text,
            _ => throw new UsageException(
                $"The {member} of the profile '{name ?? DefaultName}' in {File} must be a text."),
        };
    }

    public void Write(string name, StoredProfile profile)
    {
        try
        {
            Replace(name, profile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The profile cannot be stored: {e.Message}");
        }
    }

    private static string? HomeOfUser() =>
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? home : null;

    /// <summary>Null for a variable that is no absolute path, which must be ignored.</summary>
    private string? Absolute(string variable) =>
        terminal.Variable(variable) is { } path && Path.IsPathFullyQualified(path) ? path : null;

    private void Replace(string name, StoredProfile profile)
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
            throw new UsageException($"{File} is no JSON object of profiles; correct it or delete it.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The profiles cannot be read: {e.Message}");
        }
    }
}
