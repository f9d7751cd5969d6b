using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>Stops what a session runs, from a second connection to the very server that the session is on.</summary>
internal sealed class BackendControl(ClusterPool pool, string host, int port, Backend? backend)
{
    internal static readonly JobFailure AnotherServer = NotEnded(
        "The session was lost, and another server than the session's answers at its address, so that it "
        + "could not be made sure that it has ended.");

    internal static readonly JobFailure NotReached = NotEnded(
        "The session was lost, and the cluster could not be reached to make sure that it has ended.");

    internal static readonly JobFailure StillThere = NotEnded("The session was told to end and has not ended.");

    /// <summary>What is stopped; null while a pooler has lent the session none.</summary>
    public Backend? Backend { get; set; } = backend;

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) =>
        pool.OpenControlAsync(host, port, cancellationToken);

    /// <inheritdoc cref="ControlQuestion"/>
    public Task<T> AskAsync<T>(Func<NpgsqlConnection, Task<T>> askAsync, CancellationToken cancellationToken) =>
        ControlQuestion.AskAsync(OpenAsync, () => pool.RenewControl(host, port), askAsync, cancellationToken);

    /// <summary>
    /// Asks the statement that runs to stop. When it returns, the backend has been told, and a statement that is sent
    /// later is not meant.
    /// </summary>
    /// <returns>False when the cluster cannot be reached.</returns>
    public Task<bool> TryCancelAsync(CancellationToken cancellationToken) => TryAskAsync<bool>(
        async (control, backend) =>
        {
            await Backends.CancelAsync(control, backend, cancellationToken);
            return true;
        },
        cancellationToken);

    /// <summary>Asks the statement that runs to stop, if nothing of it can have taken effect.</summary>
    /// <param name="names">What it may use.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Unknown when the cluster cannot be reached, or its answer was lost.</returns>
    public Task<CutAnswer> TryCancelUnlessWrittenAsync(
        UsedNames names, CancellationToken cancellationToken) => TryAskAsync<CutAnswer>(
        (control, backend) => Backends.CancelUnlessWrittenAsync(control, backend, names, cancellationToken),
        cancellationToken);

    /// <summary>Ends the backend.</summary>
    /// <param name="isLost">True where the way to the server has broken: then it has for older connections too.</param>
    /// <exception cref="JobFailedException">It cannot be reached, or does not end.</exception>
    public async Task TerminateAsync(bool isLost = false)
    {
        if (Backend is not { } backend)
        {
            throw new JobFailedException(JobFailureKind.Unavailable, "The pooler has lent the session no backend yet.");
        }

        if (isLost)
        {
            pool.RenewControl(host, port);
        }

        try
        {
            // By its process and not by its name, which any session can give itself.
            var (hasEnded, isSeen) = await AskAsync(
                async control => (
                    await Backends.EndAsync(control, applicationName: null, backend, CancellationToken.None),
                    await Backends.IsServerOfAsync(control, backend, CancellationToken.None)),
                CancellationToken.None);
            if (!isSeen)
            {
                throw new JobFailedException(AnotherServer);
            }

            if (hasEnded)
            {
                return;
            }
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(NotReached, e);
        }

        throw new JobFailedException(StillThere);
    }

    private static JobFailure NotEnded(string message) =>
        new() { Kind = JobFailureKind.Unavailable, Message = message, IsTransient = true };

    private async Task<T> TryAskAsync<T>(
        Func<NpgsqlConnection, Backend, Task<T>> askAsync, CancellationToken cancellationToken)
        where T : struct
    {
        try
        {
            return Backend is { } backend
                ? await AskAsync(control => askAsync(control, backend), cancellationToken)
                : default;
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e) || e is OperationCanceledException)
        {
            return default;
        }
    }
}

/// <summary>What became of the request to stop a statement that has written nothing.</summary>
internal enum CutAnswer
{
    /// <summary>It may have been stopped or not.</summary>
    Unknown,

    /// <summary>It was asked to stop.</summary>
    Stopped,

    /// <summary>It had written, or may have done so where that does not show, and was not asked.</summary>
    HasWritten,
}
