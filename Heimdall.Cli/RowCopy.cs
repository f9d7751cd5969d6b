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
            SayCut(terminal, await client.JobAsync(whole, cancellationToken));
        }
        return CliExitCode.Succeeded;
    }

    private static void SayCut(Terminal terminal, HeimdallJob job)
    {
        if (job.IsTruncated == true)
        {
            terminal.Say($"A limit has cut the result after {job.RowCount} rows.");
        }
    }
}
