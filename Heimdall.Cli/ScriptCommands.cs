using System.CommandLine;
using System.Globalization;
using System.Text;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall scripts</c>: what <c>run --upload</c> has put, and what others have.</summary>
internal static class ScriptCommands
{
    public static Command Create(CliSession session) =>
        new("scripts", "See and delete the scripts that jobs can name. `heimdall run --upload` puts one there.")
        {
            CreateList(session), CreateShow(session), CreateDelete(session),
        };

    private static Command CreateList(CliSession session)
    {
        var prefix = CliOptions.Text("--prefix", "PATH", "Scripts whose path begins so, such as reports/.");
        var limit = CliOptions.Number<int>("--limit", $"How many at most. Default: {JobCommands.UsualCount}.");
        var format = CliOptions.ListFormat();
        var list = new Command("list", "List the scripts, in the order of their paths.") { prefix, limit, format };
        list.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var most = Math.Max(0, result.GetValue(limit) ?? JobCommands.UsualCount);
            var scripts = client.ListScriptsAsync(result.GetValue(prefix) ?? "", cancellationToken);
            await TextTables.PrintAsync(
                session.Terminal, JobCommands.CutAsync(session.Terminal, scripts, most, "scripts"),
                result.GetValue(format),
                ("path", script => script.Path),
                ("bytes", script => script.Bytes.ToString(CultureInfo.InvariantCulture)),
                ("owner", script => script.Owner), ("modified", script => script.Text("modified_at")));
            return CliExitCode.Succeeded;
        });
        return list;
    }

    private static Command CreateShow(CliSession session)
    {
        var path = Path();
        var show = new Command("show", "Print a script.") { path };
        show.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await using var bytes = new MemoryStream();
            await client.GetScriptAsync(result.GetRequiredValue(path), bytes, cancellationToken);
            await session.Terminal.PrintTextAsync(Encoding.UTF8.GetString(bytes.ToArray()));
            return CliExitCode.Succeeded;
        });
        return show;
    }

    private static Command CreateDelete(CliSession session)
    {
        var path = Path();
        var delete = new Command("delete", "Delete a script. A queued job that names it will fail.") { path };
        delete.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await client.DeleteScriptAsync(result.GetRequiredValue(path), cancellationToken: cancellationToken);
            return CliExitCode.Succeeded;
        });
        return delete;
    }

    private static Argument<string> Path() =>
        new("PATH") { Description = "The script, such as reports/headcount.sql." };
}
