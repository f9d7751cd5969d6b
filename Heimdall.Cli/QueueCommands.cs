using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>Clusters, commands and the queue.</summary>
internal static class QueueCommands
{
    public static Command CreateClusters(Session session) => CreateCatalog(
        session, "clusters", "List the clusters.",
        (client, cancellationToken) => client.ClustersAsync(cancellationToken));

    public static Command CreateCommands(Session session) => CreateCatalog(
        session, "commands", "List the commands.",
        (client, cancellationToken) => client.CommandsAsync(cancellationToken));

    public static Command CreatePause(Session session)
    {
        var (scope, id) = Target();
        return CreatePause(
            session, "Start no more queued jobs, of all or of one cluster or command.", [scope, id],
            result => Read(result, scope, id));
    }

    public static Command CreatePause(Session session, Argument<string> schedule) => CreatePause(
        session, "Keep a schedule from running.", [schedule],
        result => PauseTarget.Schedule(result.GetRequiredValue(schedule)));

    public static Command CreateResume(Session session)
    {
        var (scope, id) = Target();
        var resume = new Command("resume", "Start queued jobs again.") { scope, id };
        resume.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await client.ResumeAsync(Read(result, scope, id), cancellationToken);
            return ExitCode.Succeeded;
        });
        return resume;
    }

    private static Command CreateCatalog(
        Session session, string name, string description,
        Func<HeimdallClient, CancellationToken, Task<IReadOnlyList<CatalogEntry>>> read)
    {
        var format = Options.ListFormat();
        var command = new Command(name, description) { format };
        command.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var entries = await read(client, cancellationToken);
            await Tables.PrintAsync(
                session.Terminal, entries.ToAsyncEnumerable(), result.GetValue(format),
                ("id", entry => entry.Id), ("name", entry => entry.Name), ("status", entry => entry.Status),
                ("tags", entry => string.Join(", ", entry.Tags)), ("paused", entry => entry.IsPaused ? "yes" : null));
            return ExitCode.Succeeded;
        });
        return command;
    }

    private static Command CreatePause(
        Session session, string description, Argument[] arguments, Func<ParseResult, PauseTarget> target)
    {
        var reason = Options.Text("--reason", "TEXT", "Why, for those who wonder.");
        var until = Options.Time("--until", "When the pause ends by itself, such as 2026-01-31T12:00:00Z.");
        var pause = new Command("pause", description) { reason, until };
        foreach (var argument in arguments)
        {
            pause.Add(argument);
        }
        pause.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await client.PauseAsync(target(result), result.GetValue(reason), result.GetValue(until), cancellationToken);
            return ExitCode.Succeeded;
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

    private static PauseTarget Read(ParseResult result, Argument<string> scope, Argument<string?> id) =>
        (result.GetRequiredValue(scope), result.GetValue(id)) switch
        {
            ("queue", null) => PauseTarget.Queue,
            ("cluster", { } cluster) => PauseTarget.Cluster(cluster),
            ("command", { } command) => PauseTarget.Command(command),
            ("queue", _) => throw new UsageException("The queue has no id: write `queue`, or `cluster ID`."),
            var (what, _) => throw new UsageException(
                $"Which {what}? Write `{what} ID`; `heimdall {what}s` lists them."),
        };
}
