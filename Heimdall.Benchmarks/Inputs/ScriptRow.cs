using System.Text.Json.Nodes;

namespace Heimdall.Benchmarks.Inputs;

/// <summary>A script, how it is run, and how fast that must be.</summary>
/// <param name="Name">For --only.</param>
/// <param name="Input">The script.</param>
/// <param name="IsSingle">True for one transaction around all of it, false for one a statement; either stops at the first error.</param>
/// <param name="Goal">Heimdall's seconds over psql's, at most.</param>
internal sealed record ScriptRow(string Name, Input Input, bool IsSingle, double Goal)
{
    public string Title => $"{Input.Title}, {(IsSingle ? "single" : "none")}";

    public string Psql => IsSingle ? "psql -1" : "psql -f";

    /// <summary>The context of a job that runs a script in this row's mode.</summary>
    public JsonObject ContextOf(Input input)
    {
        var context = new JsonObject { ["query"] = input.File, ["transaction"] = IsSingle ? "single" : "none" };
        if (!IsSingle)
        {
            context["on_error"] = "stop";
        }
        return context;
    }
}
