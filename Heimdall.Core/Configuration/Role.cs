namespace Heimdall.Core.Configuration;

/// <summary>What a caller is. docs/operate/access.md says what each may do.</summary>
public enum Role
{
    /// <summary>Sees everybody's jobs, schedules and scripts, and changes nothing.</summary>
    Reader,

    /// <summary>Submits jobs, and sees and changes their own.</summary>
    Submitter,

    /// <summary>A reader who cancels, retries, pauses and edits for others.</summary>
    Operator,

    /// <summary>Does everything.</summary>
    Admin,
}

/// <summary>Roles as they are written.</summary>
public static class RoleNames
{
    /// <summary>In place of a default role: callers without an entry may do nothing.</summary>
    public const string None = "none";

    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<Role>().Select(ToName)];

    public static string ToName(this Role role) => role.ToString().ToLowerInvariant();

    public static Role? Find(string name) =>
        All.Contains(name, StringComparer.Ordinal) ? Enum.Parse<Role>(name, ignoreCase: true) : null;
}
