using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>Clusters, commands and the queue.</summary>
internal static class QueueCommands
{
    public static Command CreateClusters(CliSession session) => CreateCatalog(
        session, "clusters", "List the clusters.",
        (client, cancellationToken) => client.ClustersAsync(cancellationToken));

    public static Command CreateCommands(CliSession session) => CreateCatalog(
        session, "commands", "List the commands.",
        (client, cancellationToken) => client.CommandsAsync(cancellationToken));

    public static Command CreatePause(CliSession session)
    {
        var (scope, id) = Target();
        return CreatePause(
            session, "Start no more queued jobs, of all or of one cluster or command.", [scope, id],
            result => Read(result, scope, id));
    }

    public static Command CreatePause(CliSession session, Argument<string> schedule) => CreatePause(
        session, "Keep a schedule from running.", [schedule],
        result => HeimdallPauseTarget.Schedule(result.GetRequiredValue(schedule)));

    public static Command CreateResume(CliSession session)
    {
        var (scope, id) = Target();
        var resume = new Command("resume", "Start queued jobs again.") { scope, id };
        resume.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await client.ResumeAsync(Read(result, scope, id), cancellationToken);
            return CliExitCode.Succeeded;
        });
        return resume;
    }

    private static Command CreateCatalog(
        CliSession session, string name, string description,
        Func<HeimdallClient, CancellationToken, Task<IReadOnlyList<HeimdallCatalogEntry>>> read)
    {
        var format = CliOptions.ListFormat();
        var command = new Command(name, description) { format };
        command.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var entries = await read(client, cancellationToken);
            await TextTables.PrintAsync(
                session.Terminal, entries.ToAsyncEnumerable(), result.GetValue(format),
                ("id", entry => entry.Id), ("name", entry => entry.Name), ("status", entry => entry.Status),
                ("tags", entry => string.Join(", ", entry.Tags)), ("paused", entry => entry.IsPaused ? "yes" : null));
            return CliExitCode.Succeeded;
        });
        return command;
    }

    private static Command CreatePause(
        CliSession session, string description, Argument[] arguments, Func<ParseResult, HeimdallPauseTarget> target)
    {
        var reason = CliOptions.Text("--reason", "TEXT", "Why, for those who wonder.");
        var until = CliOptions.Time("--until", "When the pause ends by itself, such as 2026-01-31T12:00:00Z.");
        var pause = new Command("pause", description) { reason, until };
        foreach (var argument in arguments)
        {
            pause.Add(argument);
        }
        pause.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await client.PauseAsync(target(result), result.GetValue(reason), result.GetValue(until), cancellationToken);
            return CliExitCode.Succeeded;
        });
        return pause;
    }

    private static (Argument<string> Scope, Argument<string?> Id) Target()
    {
        var scope = new Argument<string>("WHAT") { Description = "queue, cluster or command." };
        scope.AcceptOnlyFromAmong("queue", "cluster", "command");
        var id = new Argument<string?>("ID")
        {
            Description = "Of the cluster or the command.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return (scope, id);
    }

    private static HeimdallPauseTarget Read(ParseResult result, Argument<string> scope, Argument<string?> id) =>
        (result.GetRequiredValue(scope), result.GetValue(id)) switch
        {
            ("queue", null) => HeimdallPauseTarget.Queue,
            ("cluster", { } cluster) => HeimdallPauseTarget.Cluster(cluster),
            ("command", { } command) => HeimdallPauseTarget.Command(command),
            ("queue", _) => throw new UsageException("The queue has no id: write `queue`, or `cluster ID`."),
            var (what, _) => throw new UsageException(
                $"Which {what}? Write `{what} ID`; `heimdall {what}s` lists them."),
        };
}
