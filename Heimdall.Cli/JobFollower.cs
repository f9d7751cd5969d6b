using System.Globalization;
using System.Text.Json;
using Heimdall.Client;
using Spectre.Console;

namespace Heimdall.Cli;

/// <summary>
/// Prints what a job writes as it writes it: its log on stdout, notices on stderr. On a terminal a bar shows how far it
/// is.
/// </summary>
internal static class JobFollower
{
    public static async Task FollowAsync(
        Terminal terminal, HeimdallClient client, Guid id, CancellationToken cancellationToken)
    {
        if (!terminal.IsErrorTerminal)
        {
            await PrintAsync(terminal, client, id, bar: null, cancellationToken);
            return;
        }
        await terminal.Messages.Progress()
            .Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(context =>
            {
                var bar = context.AddTask("waiting", maxValue: 1);
                bar.IsIndeterminate = true;
                return PrintAsync(terminal, client, id, bar, cancellationToken);
            });
    }

    private static async Task PrintAsync(
        Terminal terminal, HeimdallClient client, Guid id, ProgressTask? bar, CancellationToken cancellationToken)
    {
        await foreach (var happened in client.FollowAsync(id, cancellationToken))
        {
            switch (happened.Kind)
            {
                case JobEventKind.Log when bar is null || !terminal.IsOutTerminal:
                    await terminal.PrintAsync(happened.Line!);
                    await terminal.Out.FlushAsync(cancellationToken);
                    break;
                case JobEventKind.Log or JobEventKind.Notice:
                    terminal.SayAbove(happened.Line!);
                    break;
                case JobEventKind.Status when bar is not null:
                    var status = happened.Data.GetProperty("status").GetString()!;
                    bar.Description = Markup.Escape(status.ToLowerInvariant());
                    break;
                case JobEventKind.Progress when bar is not null && ShareOf(happened.Data) is { } share:
                    bar.IsIndeterminate = false;
                    bar.Value = share;
                    break;
            }
        }
        bar?.StopTask();
    }

    /// <summary>How much of the script is done; null while that is not known.</summary>
    private static double? ShareOf(JsonElement progress)
    {
        if (progress.TryGetProperty("children", out var children))
        {
            return Math.Min(1, children.GetProperty("ended").GetDouble() / children.GetProperty("total").GetDouble());
        }
        return Part("statements", "statements_total") ?? Part("bytes_read", "bytes_total");

        double? Part(string done, string total) =>
            Number(total) is > 0 and var all ? Math.Min(1, (Number(done) ?? 0) / all) : null;

        double? Number(string name) =>
            progress.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            ? double.Parse(value.GetRawText(), CultureInfo.InvariantCulture)
            : null;
    }
}
