using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Finds out whether a transaction was committed whose client does not know.</summary>
internal static class CommitResolver
{
    private const string Server =
        $"select system_identifier::text, {CommitEvidence.CurrentTimeline} from pg_control_system()";
    private const string Status = "select pg_xact_status($1::xid8)";

    /// <summary>
    /// How long a server that went away during the commit may take to come back and say what became of it.
    /// </summary>
    private static readonly TimeSpan ReturnTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Of a session that broke between COMMIT and its answer.</summary>
    public static async Task<AttemptFate> ResolveBrokenAsync(ClusterSession session, CommitEvidence evidence)
    {
        // Not ended by the token of the run: its caller needs the answer.
        using var timeout = new CancellationTokenSource(ReturnTimeout);
        while (true)
        {
            try
            {
                await using var control = await session.Control.OpenAsync(timeout.Token);
                return await ResolveAsync(control, applicationName: null, evidence, timeout.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or JobFailedException)
            {
                return AttemptFate.Unknown;
            }
            catch (Exception e) when (PostgresErrors.IsConnectFault(e))
            {
                if (timeout.IsCancellationRequested)
                {
                    return AttemptFate.Unknown;
                }

                await Task.Delay(Pause, CancellationToken.None);
            }
        }
    }

    /// <summary>
    /// Ends the backend, then asks. Never the other way round: a backend that is told to end may still commit.
    /// </summary>
    /// <param name="control">A connection to the server that ran the transaction.</param>
    /// <param name="applicationName">The name of the attempt's session; null where the evidence is enough.</param>
    /// <param name="evidence">Null when the attempt died before it had recorded any, and so before its first
    /// statement.</param>
    /// <param name="cancellationToken">Fires when this process must stop.</param>
    /// <exception cref="JobFailedException">There is no answer yet: the backend does not end, or the server is a
    /// standby.</exception>
    public static async Task<AttemptFate> ResolveAsync(
        NpgsqlConnection control,
        string? applicationName,
        CommitEvidence? evidence,
        CancellationToken cancellationToken)
    {
        if (!await Backends.EndAsync(control, applicationName, evidence?.Backend, cancellationToken))
        {
            throw new JobFailedException(
                JobFailureKind.Unavailable, "A session of the job is still running in the cluster and does not end.");
        }

        if (evidence is null or { OnlyReads: true })
        {
            return AttemptFate.NothingHappened;
        }

        // Not seen is not gone.
        var isItsServer = await Backends.IsServerOfAsync(control, evidence.Backend, cancellationToken);
        if (evidence.Xid is null)
        {
            if (!isItsServer)
            {
                await RequirePrimaryAsync(control, cancellationToken);
            }

            return evidence.CommitsOnRecord ? AttemptFate.NothingHappened : AttemptFate.Interrupted;
        }

        var isSameServer = await IsSameServerAsync(control, evidence, cancellationToken) && isItsServer;
        if (evidence.Receipt is { } receipt)
        {
            return await LookAsync(control, receipt, isSameServer ? evidence : null, cancellationToken);
        }

        return isSameServer ? await AskAsync(control, evidence, cancellationToken) : AttemptFate.Unknown;
    }

    /// <param name="control">A connection to the server, or to a copy of it.</param>
    /// <param name="receipt">What is looked for.</param>
    /// <param name="evidence">Null on a server that knows nothing of the transaction.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private static async Task<AttemptFate> LookAsync(
        NpgsqlConnection control, BatchReceipt receipt, CommitEvidence? evidence, CancellationToken cancellationToken)
    {
        var found = await ReceiptTable.FindAsync(
            control, receipt.JobId, receipt.Attempt, receipt.Table, receipt.Since, cancellationToken);
        if (found is not { } isThere)
        {
            return AttemptFate.Unknown;
        }

        if (isThere)
        {
            return AttemptFate.Committed;
        }

        // Committed without a receipt: the script has ended the transaction itself, or somebody has taken the receipt
        // away.
        return evidence is not null && await AskAsync(control, evidence, cancellationToken) == AttemptFate.Committed
            ? AttemptFate.Unknown
            : AttemptFate.NothingHappened;
    }

    private static async Task<bool> IsSameServerAsync(
        NpgsqlConnection control, CommitEvidence evidence, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Server, control);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (await reader.IsDBNullAsync(1, cancellationToken))
        {
            throw IsStandby(); // it may still get what its primary has written
        }

        return reader.GetString(0) == evidence.System && reader.GetInt32(1) == evidence.Timeline;
    }

    /// <summary>
    /// A primary that is another server than the one that ran the attempt has taken its place. Beside a standby, that
    /// server may run on.
    /// </summary>
    private static async Task RequirePrimaryAsync(NpgsqlConnection control, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select pg_is_in_recovery()", control);
        if (await command.ExecuteScalarAsync(cancellationToken) is true)
        {
            throw IsStandby();
        }
    }

    private static JobFailedException IsStandby() => new(
        JobFailureKind.Unavailable,
        "The cluster's server is a standby, which cannot say yet what became of the job.");

    private static async Task<AttemptFate> AskAsync(
        NpgsqlConnection control, CommitEvidence evidence, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Status, control)
        {
            Parameters = { new() { Value = evidence.Xid, NpgsqlDbType = NpgsqlDbType.Text } },
        };
        try
        {
            return await command.ExecuteScalarAsync(cancellationToken) switch
            {
                "committed" => AttemptFate.Committed,
                "aborted" => AttemptFate.NothingHappened,
                _ => AttemptFate.Unknown,
            };
        }
        catch (PostgresException e) when (PostgresErrors.IsUnknownTransaction(e))
        {
            return AttemptFate.Unknown;
        }
    }
}
