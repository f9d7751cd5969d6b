using System.Text.Json;
using System.Text.Json.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Sessions;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// What tells, after a worker has died, what became of its batch: stored with the attempt before its first statement.
/// Of a queued query first where it runs, and its transaction before COMMIT. That there is none says that it did not.
/// </summary>
internal sealed record CommitEvidence
{
    // With every name in full: the script may have set a search_path.
    private const string Question =
        $"""
        select case when not pg_catalog.pg_is_in_recovery() then pg_catalog.pg_current_xact_id()::pg_catalog.text end,
            (select system_identifier::pg_catalog.text from pg_catalog.pg_control_system()),
            {CurrentTimeline},
            (extract(epoch from pg_catalog.transaction_timestamp()) operator(pg_catalog.*) 1000000)::pg_catalog.int8
        """;

    /// <summary>
    /// That of what the server writes now: the control file's is that of the last checkpoint, which a promoted standby
    /// may not make for minutes.
    /// </summary>
    /// <remarks>Null on a standby. The name of a log file begins with the timeline, in eight hexadecimal
    /// digits.</remarks>
    public const string CurrentTimeline =
        """
        case when not pg_catalog.pg_is_in_recovery() then
            pg_catalog.concat(
                'x', pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8)
            )::pg_catalog.bit(32)::pg_catalog.int4
        end
        """;

    /// <summary>
    /// Has what this transaction commits flushed before its COMMIT is answered, whatever the login or the server would
    /// have.
    /// </summary>
    public const string ForceSyncCommit =
        "case when pg_catalog.current_setting('synchronous_commit') = 'off' then "
        + "pg_catalog.set_config('synchronous_commit', 'local', true) end";

    // What is prepared on a primary, such as a receipt, is missing.
    private static readonly JobFailure _promoted = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "The cluster's server was a standby when the session began, and is none now. Run the job again.",
        IsTransient = true,
        IsUndone = true,
    };

    private const string Fence = $"select {ForceSyncCommit}, pg_catalog.pg_logical_emit_message(true, 'heimdall', $1)";

    public required int Pid { get; init; }

    /// <summary>When the backend started, in microseconds since 1970: a pid is used again.</summary>
    public required long Started { get; init; }

    /// <summary>When the backend's server started, likewise.</summary>
    public long? ServerStarted { get; init; }

    /// <summary>
    /// When the transaction began, likewise: the backend serves others before and after it. Null where the whole
    /// session is meant.
    /// </summary>
    public long? TransactionStarted { get; init; }

    /// <summary>Whether the backend's server was a standby when the session began.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsOnStandby { get; init; }

    /// <summary>
    /// The transaction that the whole batch is, as an xid8; null for a batch whose statements commit by themselves, and
    /// where <see cref="OnlyReads"/>.
    /// </summary>
    public string? Xid { get; init; }

    /// <summary>
    /// True of a query whose transaction is recorded before its COMMIT is sent: without one, nothing is committed.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool CommitsOnRecord { get; init; }

    /// <summary>The server's system identifier.</summary>
    public string? System { get; init; }

    /// <summary>
    /// The server's timeline: a promoted standby may not have the transaction, or have another one of that number.
    /// </summary>
    public int? Timeline { get; init; }

    /// <summary>The row that the batch leaves in its transaction; null where it leaves none.</summary>
    public BatchReceipt? Receipt { get; init; }

    /// <summary>
    /// True of a transaction that began on a standby: it writes nothing, also if the standby is promoted meanwhile.
    /// </summary>
    public bool? OnlyReads { get; init; }

    [JsonIgnore]
    public Backend Backend => new(Pid, Started, ServerStarted, TransactionStarted, IsOnStandby);

    /// <summary>
    /// Of what is no transaction whose end can be asked for, only where it runs: so that nothing of it runs on unseen.
    /// </summary>
    public static CommitEvidence WithoutTransaction(Backend backend) =>
        new()
        {
            Pid = backend.Pid,
            Started = backend.Started,
            ServerStarted = backend.ServerStarted,
            TransactionStarted = backend.TransactionStarted,
            IsOnStandby = backend.IsOnStandby,
        };

    /// <summary>Of a session whose transaction is open.</summary>
    public static async Task<CommitEvidence> TakeAsync(
        ClusterSession session, Guid jobId, BatchReceipt? receipt, CancellationToken cancellationToken)
    {
        var row = (await session.AskAsync(cancellationToken, Question))[0];
        var place = WithoutTransaction(session.Backend);
        if (!session.Traits.HidesTransactions)
        {
            place = place with { TransactionStarted = TextValues.Int64(row[3]) };
        }

        if (row[0] is null)
        {
            return place with { OnlyReads = true };
        }

        if (session.Traits.IsStandby)
        {
            throw new JobFailedException(_promoted);
        }

        var evidence = place with
        {
            Xid = row[0],
            System = row[1],
            Timeline = TextValues.Int32(row[2]),
            Receipt = receipt,
        };
        await FenceAsync(session, jobId, cancellationToken);
        return evidence;
    }

    public static CommitEvidence? FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EvidenceJson.Default.CommitEvidence);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, EvidenceJson.Default.CommitEvidence);

    /// <summary>
    /// A commit with a later transaction id, and so a flushed log that knows of ours. Without it a server that crashes
    /// may hand our id out once more, and would then say "committed" of somebody else's work.
    /// </summary>
    /// <exception cref="JobFailedException">The cluster answers on no second connection.</exception>
    private static async Task FenceAsync(ClusterSession session, Guid jobId, CancellationToken cancellationToken)
    {
        try
        {
            await session.Control.AskAsync(
                async control =>
                {
                    await using var fence = new NpgsqlCommand(Fence, control)
                    {
                        Parameters = { new() { Value = jobId.ToString() } },
                    };
                    return await fence.ExecuteNonQueryAsync(cancellationToken);
                },
                cancellationToken);
        }
        catch (Exception e) when (e is not PostgresException && PostgresErrors.IsConnectFault(e))
        {
            var failure = PostgresErrors.CannotConnect(e);
            var message = session.SharesBackends
                ? $"{failure.Message} {SharedBackendRules.NeedsSecond}"
                : failure.Message;
            throw new JobFailedException(failure with { Message = message, IsUndone = true }, e);
        }
    }
}

/// <summary>
/// Where a batch leaves its receipt: also a server that was not there when the batch ran can then tell what became of
/// it.
/// </summary>
internal sealed record BatchReceipt
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    /// <summary>When the table was made: what has another is another database, and not a copy.</summary>
    public required DateTimeOffset Table { get; init; }

    /// <summary>When the batch began: receipts are not kept for ever.</summary>
    public required DateTimeOffset Since { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CommitEvidence))]
internal sealed partial class EvidenceJson : JsonSerializerContext;
