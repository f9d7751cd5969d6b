using System.CommandLine;

namespace Heimdall.Cli;

/// <summary><c>heimdall completion</c>: scripts that ask the program itself what may come next.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _heimdall() {
          local line=${COMP_LINE#"${COMP_WORDS[0]}"} IFS=$'\n'
          local at=$((COMP_POINT - ${#COMP_WORDS[0]}))
          COMPREPLY=($(compgen -W "$(heimdall "[suggest:$at]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _heimdall heimdall
        """;

    private const string Zsh = """
        #compdef heimdall
        _heimdall() {
          local line=" ${(j: :)words[2,CURRENT-1]} $PREFIX"
          local -a found=(${(f)"$(heimdall "[suggest:${#line}]" "$line" 2>/dev/null)"})
          compadd -a found || _files
        }
        compdef _heimdall heimdall
        """;

    public static Command Create(CliSession session)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash or zsh." };
        shell.AcceptOnlyFromAmong("bash", "zsh");
        var completion = new Command(
            "completion", "Print a script for the completion of a shell: eval \"$(heimdall completion bash)\".")
        {
            shell,
        };
        completion.SetAction(async (result, _) =>
        {
            await session.Terminal.Out.WriteLineAsync(result.GetRequiredValue(shell) == "bash" ? Bash : Zsh);
            return CliExitCode.Succeeded;
        });
        return completion;
    }
}
