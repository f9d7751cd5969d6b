using System.Text.Json.Nodes;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>How a script is run: <c>transaction</c> and <c>on_error</c> of a batch, and what psql calls the same.</summary>
internal enum ScriptMode
{
    /// <summary>One transaction, which the runner opens and commits.</summary>
    Single,

    /// <summary>Each statement by itself, up to the first error.</summary>
    Stop,

    /// <summary>Each statement by itself, whatever becomes of the others.</summary>
    Continue,
}

internal static class ScriptModes
{
    /// <summary>The modes that are compared: those that batches have, which a test checks.</summary>
    public static readonly ScriptMode[] Compared = [ScriptMode.Single, ScriptMode.Stop, ScriptMode.Continue];

    public static string[] PsqlArguments(this ScriptMode mode) => mode switch
    {
        ScriptMode.Single => ["-1", "-v", "ON_ERROR_STOP=1"],
        ScriptMode.Stop => ["-v", "ON_ERROR_STOP=1"],
        _ => [],
    };

    public static JsonObject Context(this ScriptMode mode, string query) => mode switch
    {
        ScriptMode.Single => new() { ["query"] = query, ["transaction"] = "single" },
        ScriptMode.Stop => new() { ["query"] = query, ["transaction"] = "none", ["on_error"] = "stop" },
        _ => new() { ["query"] = query, ["transaction"] = "none", ["on_error"] = "continue" },
    };
}
