using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>Prints the rows that a job of the queue has left.</summary>
internal static class PrintedRows
{
    /// <param name="terminal">Where to print them.</param>
    /// <param name="client">Reads them.</param>
    /// <param name="id">The job.</param>
    /// <param name="format">As what; null: as the terminal likes it.</param>
    /// <param name="parallel">How many chunks are read at once; null: the rows come in one reply.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<int> PrintAsync(
        Terminal terminal, HeimdallClient client, Guid id, string? format, int? parallel,
        CancellationToken cancellationToken)
    {
        if (RowOutput.FindCopied(format) is { } mediaType)
        {
            if (parallel is not null)
            {
                throw new UsageException(
                    $"--parallel goes with table, csv, json and ndjson: several chunks of {format} are several files.");
            }
            return await RowCopy.RunAsync(
                terminal, client,
                async target =>
                {
                    await client.CopyResultAsync(id, mediaType, target, cancellationToken);
                    return id;
                },
                cancellationToken);
        }
        await using var rows = parallel is { } chunks
            ? await client.ResultAsync(id, new HeimdallChunks { Parallel = chunks }, cancellationToken)
            : await client.ResultAsync(id, cancellationToken);
        await RowOutput.PrintAsync(terminal, rows, format, cancellationToken);
        return CliExitCode.Succeeded;
    }
}
