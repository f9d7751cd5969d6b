using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text;

namespace Heimdall.Cli;

/// <summary>Writes <c>docs/reference/cli.md</c> from the commands.</summary>
internal static class ReferencePage
{
    public static Command CreateCommand(CliSession session, RootCommand root)
    {
        var command = new Command("reference", "Print docs/reference/cli.md.") { Hidden = true };
        command.SetAction(async (_, _) =>
        {
            await session.Terminal.Out.WriteAsync(Write(root));
            return CliExitCode.Succeeded;
        });
        return command;
    }

    private static string Write(RootCommand root)
    {
        var page = new StringBuilder(
            """
            # Command line

            `heimdall reference` has written this page, and a test compares them.
            [The guide](../guide/cli.md) shows how to use it.

            - Output for programs is on stdout, everything for people on stderr.
            - Colours are used on a terminal, unless `NO_COLOR` is set.
            - Control characters of the server are shown as escapes on a terminal.

            ## Options of all commands

            | option | meaning |
            |---|---|

            """);
        AddOptions(page, root);
        page.Append(
            """

            | variable | meaning |
            |---|---|
            | `HEIMDALL_URL` | the address of Heimdall; no profile is read then |
            | `HEIMDALL_KEY` | the API key |
            | `HEIMDALL_CLUSTER` | the usual cluster: a tag or an id |
            | `XDG_CONFIG_HOME` | where `heimdall/profiles.json` lies; `~/.config` by default |
            | `NO_COLOR` | no colours |

            ## Exit codes

            | code | meaning |
            |---|---|

            """);
        foreach (var (code, meaning) in CliExitCode.All)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {code} | {meaning} |\n");
        }
        foreach (var command in root.Subcommands.Where(command => !command.Hidden).SelectMany(WithSubcommands))
        {
            AddCommand(page, command);
        }
        return page.ToString();
    }

    private static IEnumerable<Command> WithSubcommands(Command command) =>
        command.Subcommands.Count > 0 ? command.Subcommands : [command];

    private static void AddCommand(StringBuilder page, Command command)
    {
        var path = string.Join(' ', HeimdallCommands.PathOf(command));
        var arguments = string.Concat(command.Arguments.Select(argument => argument.Arity switch
        {
            { MinimumNumberOfValues: 0 } => $" [{argument.Name}]",
            { MaximumNumberOfValues: > 1 } => $" {argument.Name}...",
            _ => $" {argument.Name}",
        }));
        var options = command.Options.Count > 0 ? " [options]" : "";
        page.Append(CultureInfo.InvariantCulture, $"\n## {path}\n\n`{path}{arguments}{options}`\n\n");
        foreach (var line in Wrap(command.Description!))
        {
            page.Append(line).Append('\n');
        }
        if (command.Arguments.Count + command.Options.Count == 0)
        {
            return;
        }
        page.Append("\n| argument or option | meaning |\n|---|---|\n");
        foreach (var argument in command.Arguments)
        {
            page.Append(CultureInfo.InvariantCulture, $"| `{argument.Name}` | {Cell(argument.Description!)} |\n");
        }
        AddOptions(page, command);
    }

    private static void AddOptions(StringBuilder page, Command command)
    {
        foreach (var option in command.Options.Where(option => !option.Hidden && option is not HelpOption))
        {
            var value = option.HelpName is { } name ? $" {name}" : "";
            var names = option.Aliases.Prepend(option.Name).Distinct().Select(alias => $"`{alias}{value}`");
            var meaning = Cell(option.Description ?? "");
            page.Append(CultureInfo.InvariantCulture, $"| {string.Join(", ", names)} | {meaning} |\n");
        }
    }

    /// <summary>A row is a phrase: without the full stop at its end.</summary>
    private static string Cell(string description) =>
        description.TrimEnd('.').Replace("|", "\\|", StringComparison.Ordinal);

    private static IEnumerable<string> Wrap(string text)
    {
        const int Longest = 100;
        var line = "";
        foreach (var word in text.Split(' '))
        {
            if (line.Length + 1 + word.Length > Longest)
            {
                yield return line;
                line = word;
                continue;
            }
            line = line.Length == 0 ? word : $"{line} {word}";
        }
        yield return line;
    }
}
