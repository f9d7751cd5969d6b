using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>How a job lies in a row of the store.</summary>
internal static class JobRow
{
    public const string Columns = """
        id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name, cluster_id,
        cluster_name, command_criteria, cluster_criteria, context::text, created_at, started_at, finished_at, updated_at,
        attempt, lease_until, canceled_by, error, error_kind, errors::text, statements, statements_total, bytes_read,
        bytes_total, rows_affected, row_count, truncated, sha256, queue_id, retry_of, from_statement, script_sha256, resume_from,
        start_before, schedule, planned_at, priority, start_after, after::text, files::text, can_resume, traceparent,
        parent_id, fan_out::text, on_end::text, approval::text, approve_by, decided_by, decided_at
        """;

    private static readonly JsonSerializerOptions ErrorJson = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    public static Job Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Name = row.GetString(1),
        Version = row.GetString(2),
        Description = row.GetString(3),
        Tags = row.GetFieldValue<string[]>(4),
        User = row.GetString(5),
        Status = JobStatusNames.Parse(row.GetString(6)),
        IsSync = row.GetBoolean(7) && row.IsDBNull(49), // that of a parent is for versions that know of none
        ReturnResult = row.GetBoolean(8),
        CommandId = row.GetString(9),
        CommandName = row.GetString(10),
        ClusterId = row.GetString(11),
        ClusterName = row.GetString(12),
        CommandCriteria = row.GetFieldValue<string[]>(13),
        ClusterCriteria = row.GetFieldValue<string[]>(14),
        Context = JsonNode.Parse(row.GetString(15))!.AsObject(),
        CreatedAt = row.GetDateTime(16),
        StartedAt = Time(row, 17),
        FinishedAt = Time(row, 18),
        UpdatedAt = row.GetDateTime(19),
        Attempt = row.GetInt32(20),
        LeaseUntil = Time(row, 21),
        CanceledBy = Text(row, 22),
        Failure = ReadFailure(row),
        Progress = new JobProgress
        {
            Statements = Number(row, 26),
            StatementsTotal = Number(row, 27),
            BytesRead = Number(row, 28),
            BytesTotal = Number(row, 29),
            RowsAffected = Number(row, 30),
            RowCount = Number(row, 31),
            Truncated = row.IsDBNull(32) ? null : row.GetBoolean(32),
            Sha256 = Text(row, 33),
            ResumeFrom = Number(row, 38),
            Errors = row.IsDBNull(25) ? null : ReadErrors(row.GetString(25)),
            Files = row.IsDBNull(45) ? null : JsonSerializer.Deserialize<FileHash[]>(row.GetString(45), ErrorJson),
            CanResume = row.IsDBNull(46) ? null : row.GetBoolean(46),
        },
        QueueId = Text(row, 34),
        RetryOf = row.IsDBNull(35) ? null : row.GetGuid(35),
        Resume = row.IsDBNull(36) ? null : new ResumePoint(row.GetInt64(36), row.GetString(37)),
        StartBefore = Time(row, 39),
        ScheduleId = Text(row, 40),
        PlannedAt = Time(row, 41),
        Priority = row.GetInt16(42),
        StartAfter = Time(row, 43),
        After = row.IsDBNull(44) ? [] : JobPredecessor.Read(row.GetString(44)),
        Traceparent = Text(row, 47),
        ParentId = row.IsDBNull(48) ? null : row.GetGuid(48),
        FanOut = row.IsDBNull(49) ? null : FanOut.Read(row.GetString(49)),
        OnEnd = row.IsDBNull(50) ? [] : EndHook.Read(row.GetString(50)),
        Approval = row.IsDBNull(51)
            ? null
            : JobApproval.Read(row.GetString(51)) with
            {
                Until = Time(row, 52),
                DecidedBy = Text(row, 53),
                DecidedAt = Time(row, 54),
            },
    };

    public static string? WriteErrors(IReadOnlyList<StatementError>? errors) =>
        errors is { Count: > 0 } ? JsonSerializer.Serialize(errors, ErrorJson) : null;

    public static string? WriteFiles(IReadOnlyList<FileHash>? files) =>
        files is { Count: > 0 } ? JsonSerializer.Serialize(files, ErrorJson) : null;

    /// <param name="message">What it says.</param>
    /// <param name="kind">Its name.</param>
    /// <param name="errors">As JSON.</param>
    public static JobFailure ToFailure(string message, string kind, string? errors) => new()
    {
        // One of a newer version says what happened in its message.
        Kind = Enum.TryParse<JobFailureKind>(kind, out var known)
            && char.IsAsciiLetter(kind[0]) && Enum.IsDefined(known)
                ? known
                : JobFailureKind.Internal,
        Message = message,
        Errors = errors is null ? [] : ReadErrors(errors),
    };

    private static StatementError[] ReadErrors(string json) =>
        JsonSerializer.Deserialize<StatementError[]>(json, ErrorJson)!;

    private static JobFailure? ReadFailure(NpgsqlDataReader row) =>
        row.IsDBNull(23) ? null : ToFailure(row.GetString(23), row.GetString(24), Text(row, 25));

    private static DateTime? Time(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetDateTime(column);

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static long? Number(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);
}
