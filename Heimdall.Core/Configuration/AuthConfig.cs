namespace Heimdall.Core.Configuration;

/// <summary>Who may call. Empty: the API serves the loopback interface only.</summary>
public sealed record AuthConfig
{
    /// <summary>Header in which a trusted proxy names the user, e.g. <c>X-Heimdall-User</c>. Anyone who reaches the API can set it.</summary>
    public string? Header { get; init; }

    /// <summary>Keys that stand for a user; made by <c>Heimdall.Api --new-key USER</c>.</summary>
    public ApiKeyConfig[] ApiKeys { get; init; } = [];

    public bool IsConfigured => Header is not null || ApiKeys.Length > 0;
}

/// <summary>One API key. The key itself is nowhere stored.</summary>
public sealed record ApiKeyConfig
{
    /// <summary>The user that a request with this key comes from.</summary>
    public string User { get; init; } = "";

    /// <summary>Salt and hash of the key, as <c>--new-key</c> printed it.</summary>
    public string Hash { get; init; } = "";
}
