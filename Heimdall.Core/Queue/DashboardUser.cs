namespace Heimdall.Core.Queue;

/// <summary>Who has pressed a button of Hangfire's own pages, in the request that is served.</summary>
public sealed class DashboardUser
{
    /// <summary>The name of Hangfire's parameter that carries the user to the worker.</summary>
    internal const string Parameter = "PressedBy";

    /// <summary>Where no request says who it was: an entry that an older version made.</summary>
    internal const string Unknown = "dashboard";

    private readonly AsyncLocal<string?> _name = new();

    /// <summary>Null outside of such a request.</summary>
    public string? Name
    {
        get => _name.Value;
        set => _name.Value = value;
    }
}
