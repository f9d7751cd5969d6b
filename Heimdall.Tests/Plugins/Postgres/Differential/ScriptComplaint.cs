using System.Text;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>What is wrong with how a script ran.</summary>
internal sealed record ScriptComplaint(DifferentialScript Script, string What)
{
    private const int Shown = 6_000;

    public override string ToString()
    {
        var text = Encoding.UTF8.GetString(Script.Content);
        return $"{Script.Name} ({Script.Mode}) {What}\n-----\n{(text.Length > Shown ? $"{text[..Shown]}…" : text)}\n-----\n";
    }
}
