using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>
/// Copies rows in a format that has no place behind them to say how they ended: of what breaks off, or was cut, the job
/// says why.
/// </summary>
internal static class RowCopy
{
    public static async Task<int> RunAsync(
        Terminal terminal, HeimdallClient client, Func<Stream, Task<Guid?>> copyAsync,
        CancellationToken cancellationToken)
    {
        Guid? id;
        try
        {
            id = await copyAsync(terminal.OpenBytes());
        }
        catch (HeimdallException e) when (e is { JobId: not null, Status: null })
        {
            var broken = await client.WaitAsync(e.JobId.Value, cancelJob: false, cancellationToken);
            if (broken is { Status: "SUCCEEDED", IsTruncated: not true })
            {
                throw; // the connection was lost
            }
            terminal.Say("What was written is not the whole: it breaks off.");
            SayCut(terminal, broken);
            if (broken.Status != "SUCCEEDED")
            {
                ProblemText.SayEnd(terminal, broken, sql: null);
                return CliExitCode.Of(broken.Status);
            }
            return CliExitCode.Wrong;
        }
        if (id is { } whole)
        {
            await SayCutAsync(terminal, client, whole, cancellationToken);
        }
        return CliExitCode.Succeeded;
    }

    // All rows are there: who runs the command again for a code that is not 0 might write twice.
    private static async Task SayCutAsync(
        Terminal terminal, HeimdallClient client, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            SayCut(terminal, await client.JobAsync(id, cancellationToken));
        }
        catch (HeimdallException e)
        {
            terminal.Say($"Whether a limit has cut the result is not known: {e.Message}");
        }
    }

    private static void SayCut(Terminal terminal, HeimdallJob job)
    {
        if (job.IsTruncated == true)
        {
            terminal.Say($"A limit has cut the result after {job.RowCount} rows.");
        }
    }
}
