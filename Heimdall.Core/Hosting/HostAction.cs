namespace Heimdall.Core.Hosting;

/// <summary>What a program was started for.</summary>
internal enum HostAction
{
    /// <summary>To serve until it is stopped.</summary>
    Run,

    /// <summary>To check the configuration (<c>--check</c>).</summary>
    Check,

    /// <summary>To ask the process that runs with this configuration how it is (<c>--health</c>).</summary>
    AskHealth,

    /// <summary>To bring the schema of the store up to date (<c>--migrate</c>).</summary>
    Migrate,
}
