using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>All commands, and how each of them ends.</summary>
internal static class HeimdallCommands
{
    private const int BrokenPipe = 32; // EPIPE of Linux and macOS

    public static async Task<int> RunAsync(string[] arguments, Terminal terminal)
    {
        var session = new CliSession(terminal);
        try
        {
            // A text that begins with @ is SQL or a value, no file of further arguments; -abc is no bundle of options.
            var reading = new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false };
            var parsed = CreateRoot(session).Parse(arguments, reading);
            if (parsed.Errors.Count > 0)
            {
                foreach (var error in parsed.Errors)
                {
                    terminal.Say($"heimdall: {error.Message}");
                }
                terminal.Say($"Try: {string.Join(' ', PathOf(parsed.CommandResult.Command))} --help");
                return CliExitCode.Wrong;
            }
            var code = await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Ctrl-C is our own
            }, terminal.Interrupt);
            await terminal.Out.FlushAsync(); // what cannot be written is no success
            return code;
        }
        catch (HeimdallException e)
        {
            ProblemText.Say(terminal, e, session.Sql);
            return CliExitCode.Of(e);
        }
        catch (OperationCanceledException) when (terminal.Interrupt.IsCancellationRequested)
        {
            terminal.Say("heimdall: stopped by Ctrl-C");
            return CliExitCode.Canceled;
        }
        catch (Exception e) when (e is UsageException or ArgumentException)
        {
            terminal.Say($"heimdall: {e.Message.Split(" (Parameter '")[0]}"); // which is for programmers
            return CliExitCode.Wrong;
        }
        catch (IOException e) when (e.HResult == BrokenPipe && !OperatingSystem.IsWindows())
        {
            return CliExitCode.OutputClosed; // such as `| head`, which has read enough
        }
        catch (IOException e)
        {
            terminal.Say($"heimdall: cannot read or write: {e.Message}");
            return CliExitCode.Wrong;
        }
        catch (Exception e)
        {
            terminal.Say($"heimdall has failed, which is a fault of it: {e}");
            return CliExitCode.Wrong;
        }
        finally
        {
            await FlushAsync(terminal);
        }
    }

    public static RootCommand CreateRoot(CliSession session)
    {
        var root = new RootCommand(
            "Runs SQL by Heimdall: queries, batches, and what there is to see and do about jobs. "
            + "Output for programs is on stdout, everything for people on stderr.")
        {
            session.Profile, session.Url,
            QueryCommand.Create(session), RunCommand.Create(session),
            JobCommands.CreateList(session), JobCommands.CreateJob(session), JobCommands.CreateLogs(session),
            JobCommands.CreateCancel(session), JobCommands.CreateApprove(session), JobCommands.CreateRefuse(session),
            JobCommands.CreateRetry(session), JobCommands.CreateResult(session),
            ScriptCommands.Create(session), ScheduleCommands.Create(session), HookCommands.Create(session),
            QueueCommands.CreateClusters(session), QueueCommands.CreateCommands(session),
            QueueCommands.CreatePause(session), QueueCommands.CreateResume(session),
            LoginCommand.Create(session), CompletionCommand.Create(session),
        };
        root.Add(ReferencePage.CreateCommand(session, root));
        return root;
    }

    /// <summary>The words that lead to a command.</summary>
    public static IEnumerable<string> PathOf(Command command) => command is RootCommand
        ? ["heimdall"]
        : [.. command.Parents.OfType<Command>().Take(1).SelectMany(PathOf), command.Name];

    private static async Task FlushAsync(Terminal terminal)
    {
        try
        {
            await terminal.Out.FlushAsync();
        }
        catch (IOException)
        {
            // It has failed already, and its exit code shows that.
        }
    }
}
