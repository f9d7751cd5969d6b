using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;

namespace Heimdall.Core.Hooks;

/// <summary>A message with what became of it, as operators see it.</summary>
public sealed record StoredDelivery
{
    public required Guid Id { get; init; }

    public required string Hook { get; init; }

    public required string Event { get; init; }

    /// <summary>What it is about.</summary>
    public required string Subject { get; init; }

    public Guid? JobId { get; init; }

    public required JsonObject Data { get; init; }

    /// <summary>In the store's words: a newer version may have others.</summary>
    public required string Status { get; init; }

    /// <summary>How many were begun.</summary>
    public int Attempts { get; init; }

    /// <summary>How the last of them ended. One whose process died has no entry.</summary>
    public IReadOnlyList<DeliveryAttempt> Tries { get; init; } = [];

    public required DateTime CreatedAt { get; init; }

    /// <summary>Of one that is not ended: when it is tried next.</summary>
    public DateTime? NextAt { get; init; }

    public DateTime? FinishedAt { get; init; }
}

/// <summary>How a message lies in a row of the store.</summary>
internal static class DeliveryRow
{
    public const string Columns = """
        id, hook, event, subject, job_id, data::text, status, attempts, tries::text, created_at, next_at, finished_at
        """;

    /// <summary>The same columns for lists: an answer may have a kilobyte, and a message has many.</summary>
    public const string BriefColumns = """
        id, hook, event, subject, job_id, '{}', status, attempts,
        case when jsonb_array_length(tries) = 0 then '[]' else jsonb_build_array((tries -> -1) - 'reply')::text end,
        created_at, next_at, finished_at
        """;

    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public static StoredDelivery Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Hook = row.GetString(1),
        Event = row.GetString(2),
        Subject = row.GetString(3),
        JobId = row.IsDBNull(4) ? null : row.GetGuid(4),
        Data = JsonNode.Parse(row.GetString(5))!.AsObject(),
        Status = row.GetString(6),
        Attempts = row.GetInt32(7),
        Tries = JsonSerializer.Deserialize<DeliveryAttempt[]>(row.GetString(8), Json)!,
        CreatedAt = row.GetDateTime(9),
        NextAt = row.IsDBNull(11) ? row.GetDateTime(10) : null,
        FinishedAt = row.IsDBNull(11) ? null : row.GetDateTime(11),
    };
}
