using System.Buffers;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Scripts;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Moves COPY data between the script and the server. A COPY does not hear a cancel request reliably, so one that is to stop has its
/// backend terminated at once.
/// </summary>
internal sealed class BatchCopy(Session session, ScriptScanner scanner)
{
    /// <returns>The rows in the data.</returns>
    public async Task<long> InAsync(ScriptStatement statement, Action onData, CancellationToken cancellationToken)
    {
        await using var stop = TerminateOn(cancellationToken);
        var rows = new CopyRows(CopyOptions.Of(statement.Text));
        var writer = await session.Connection.BeginTextImportAsync(statement.Text, cancellationToken);
        try
        {
            await scanner.CopyDataAsync(
                async (data, token) =>
                {
                    rows.Add(data.Span);
                    await writer.BaseStream.WriteAsync(data, token);
                    onData();
                },
                cancellationToken);
        }
        catch (Exception e) when (e is ScriptException or JobFailedException)
        {
            // Closing the writer would tell the server that the data are complete.
            await writer.CancelAsync();
            throw;
        }
        catch (Exception e) when (!session.IsAlive && e is not OperationCanceledException)
        {
            throw new NpgsqlException("The session ended during COPY.", e);
        }

        // The server's verdict on the data comes here.
        await writer.DisposeAsync();
        return rows.Count;
    }

    public async Task OutAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        await using var stop = TerminateOn(cancellationToken);
        using var reader = await session.Connection.BeginTextExportAsync(statement.Text, cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            while (await ((StreamReader)reader).BaseStream.ReadAsync(buffer, cancellationToken) > 0)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private CancellationTokenRegistration TerminateOn(CancellationToken cancellationToken) => cancellationToken.UnsafeRegister(
        state => _ = TerminateAsync((Session)state!),
        session);

    private static async Task TerminateAsync(Session session)
    {
        try
        {
            await session.TerminateAsync();
        }
        catch (JobFailedException)
        {
            // The job's end makes sure of it again, and reports it.
        }
    }
}
