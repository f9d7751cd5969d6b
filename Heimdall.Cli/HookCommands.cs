using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall hooks</c>.</summary>
internal static class HookCommands
{
    private const string Dead = "DEAD";

    public static Command Create(CliSession session) => new(
        "hooks", "List who is notified of what happens, and see to the messages. For operators.")
    {
        CreateList(session),
        CreateMessages(session, "messages", "List messages to hooks, the newest first."),
        CreateMessages(session, "dead", "List the messages that were given up, the newest first.", Dead),
        CreateShow(session),
        CreateRedeliver(session),
        CreateTest(session),
    };

    private static Command CreateList(CliSession session)
    {
        var format = CliOptions.ListFormat();
        var list = new Command("list", "List the receivers, and how many messages wait.") { format };
        list.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var hooks = await client.HooksAsync(cancellationToken);
            await TextTables.PrintAsync(
                session.Terminal, hooks.ToAsyncEnumerable(), result.GetValue(format),
                ("id", hook => hook.Id), ("kind", hook => hook.Kind), ("target", hook => hook.Target),
                ("events", hook => string.Join(", ", hook.Events)), ("waiting", hook => $"{hook.Pending}"),
                ("dead in a day", hook => $"{hook.DeadLately}"),
                ("gone since", hook => hook.GoneSince is { } since ? JobCommands.ToText(since) : null));
            return CliExitCode.Succeeded;
        });
        return list;
    }

    private static Command CreateMessages(CliSession session, string name, string description, string? only = null)
    {
        var hook = CliOptions.Text("--hook", "ID", "Messages to this hook.");
        var job = new Option<Guid?>("--job") { HelpName = "ID", Description = "Messages of the end of this job." };
        var status = CliOptions.OneOf(
            "--status", "STATUS", $"PENDING, DELIVERED or {Dead}.", "PENDING", "DELIVERED", Dead);
        var limit = CliOptions.Number<int>("--limit", $"How many at most. Default: {JobCommands.UsualCount}.");
        var format = CliOptions.ListFormat();
        var list = new Command(name, description) { hook, job };
        if (only is null)
        {
            list.Add(status);
        }
        list.Add(limit);
        list.Add(format);
        list.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var most = Math.Max(0, result.GetValue(limit) ?? JobCommands.UsualCount);
            var filter = new HeimdallDeliveryFilter
            {
                Hook = result.GetValue(hook),
                Job = result.GetValue(job),
                Status = only ?? result.GetValue(status),
                PageSize = (int)Math.Clamp(most + 1L, 1, JobCommands.LongestPage),
            };
            var found = JobCommands.CutAsync(
                session.Terminal, client.DeliveriesAsync(filter, cancellationToken), most, "messages");
            await TextTables.PrintAsync(
                session.Terminal, found, result.GetValue(format),
                ("id", message => message.Id.ToString()), ("hook", message => message.Hook),
                ("event", message => message.Event), ("about", message => message.Subject),
                ("status", message => message.Status), ("attempts", message => $"{message.Attempts}"),
                ("created", message => JobCommands.ToText(message.CreatedAt)), ("error", message => message.Error));
            return CliExitCode.Succeeded;
        });
        return list;
    }

    private static Command CreateShow(CliSession session)
    {
        var id = new Argument<Guid>("ID") { Description = "The message." };
        var show = new Command("show", "Print a message as JSON: what it says, and how each attempt ended.") { id };
        show.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var message = await client.DeliveryAsync(result.GetRequiredValue(id), cancellationToken);
            await session.Terminal.PrintAsync(message.Json.GetRawText());
            return CliExitCode.Succeeded;
        });
        return show;
    }

    private static Command CreateRedeliver(CliSession session)
    {
        var ids = new Argument<Guid[]>("ID")
        {
            Description = "The messages.", Arity = ArgumentArity.OneOrMore,
        };
        var redeliver = new Command(
            "redeliver", "Send messages again, with the same ids, whatever became of them. Prints the ids.") { ids };
        redeliver.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            foreach (var id in result.GetRequiredValue(ids))
            {
                var message = await client.RedeliverAsync(id, cancellationToken);
                await session.Terminal.PrintAsync($"{message.Id}");
            }
            return CliExitCode.Succeeded;
        });
        return redeliver;
    }

    private static Command CreateTest(CliSession session)
    {
        var id = new Argument<string>("ID") { Description = "The hook." };
        var test = new Command("test", "Send a message of type hook.test, and print its id.") { id };
        test.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var message = await client.TestHookAsync(result.GetRequiredValue(id), cancellationToken);
            await session.Terminal.PrintAsync($"{message.Id}");
            return CliExitCode.Succeeded;
        });
        return test;
    }
}
