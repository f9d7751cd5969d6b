using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall schedules</c>.</summary>
internal static class ScheduleCommands
{
    public static Command Create(CliSession session) => new("schedules", "List schedules, or manage one.")
    {
        CreateList(session),
        CreateOne(session, "show", "Print a schedule as JSON.", async (client, id, cancellationToken) =>
        {
            var schedule = await client.ScheduleAsync(id, cancellationToken);
            await session.Terminal.PrintAsync(schedule.Json.GetRawText());
        }),
        CreateOne(
            session, "trigger", "Run it now, and print the id of the job.",
            async (client, id, cancellationToken) =>
            {
                var run = await client.TriggerAsync(id, cancellationToken: cancellationToken);
                await session.Terminal.PrintAsync(run.JobId?.ToString() ?? run.Outcome);
            }),
        QueueCommands.CreatePause(session, new Argument<string>("ID") { Description = "The schedule." }),
        CreateOne(session, "resume", "Let a schedule run again.", (client, id, cancellationToken) =>
            client.ResumeAsync(HeimdallPauseTarget.Schedule(id), cancellationToken)),
    };

    private static Command CreateList(CliSession session)
    {
        var format = CliOptions.ListFormat();
        var list = new Command("list", "List the schedules.") { format };
        list.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var schedules = await client.SchedulesAsync(cancellationToken);
            await TextTables.PrintAsync(
                session.Terminal, schedules.ToAsyncEnumerable(), result.GetValue(format),
                ("id", schedule => schedule.Id), ("cron", schedule => schedule.Cron),
                ("timezone", schedule => schedule.Timezone),
                ("next", schedule => schedule.NextAt is { } next ? JobCommands.ToText(next) : null),
                ("paused", schedule => schedule.IsPaused ? "yes" : null));
            return CliExitCode.Succeeded;
        });
        return list;
    }

    private static Command CreateOne(
        CliSession session, string name, string description, Func<HeimdallClient, string, CancellationToken, Task> act)
    {
        var id = new Argument<string>("ID") { Description = "The schedule." };
        var command = new Command(name, description) { id };
        command.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            await act(client, result.GetRequiredValue(id), cancellationToken);
            return CliExitCode.Succeeded;
        });
        return command;
    }
}
