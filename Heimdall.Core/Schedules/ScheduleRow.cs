using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Cron;
using Heimdall.Core.Jobs;
using Heimdall.Core.Secrets;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Schedules;

/// <summary>How a schedule lies in a row of the store.</summary>
internal static class ScheduleRow
{
    public const string Columns = """
        id, name, description, cron, timezone, misfire, max_lateness, overlap, starts_at, ends_at, "user", context::text, decided_until, next_at,
        paused_at, paused_by, pause_reason, paused_until, seed, revision, created_at, updated_at,
        version, tags, command_criteria, cluster_criteria, edited_by, scopes::text, fan_out::text, on_end::text, secrets
        """;

    /// <summary>
    /// Stands before the expression of a schedule whose days match either. A process of an older version cannot read
    /// it, and so leaves the schedule to others: of a column that it does not know it would make other times.
    /// </summary>
    private const string EitherDay = "or: ";

    /// <summary>
    /// The same of a schedule whose jobs are for all clusters: an older version would run them on one.
    /// </summary>
    private const string ForAll = "all: ";

    public static Schedule Read(NpgsqlDataReader row) => new()
    {
        Definition = new ScheduleDefinition
        {
            Id = row.GetString(0),
            Name = row.GetString(1),
            Description = row.GetString(2),
            Cron = ReadCron(row.GetString(3)).Cron,
            Day = ReadCron(row.GetString(3)).Day,
            Timezone = row.GetString(4),
            Misfire = FindRule<MisfireRule>(row.GetString(5)) ?? MisfireRule.Once,
            MaxLateness = row.IsDBNull(6) ? null : row.GetTimeSpan(6),
            Overlap = FindRule<OverlapRule>(row.GetString(7)) ?? OverlapRule.Skip,
            UnknownRule = FindUnknownRule(row.GetString(5), row.GetString(7)),
            StartsAt = Time(row, 8),
            EndsAt = Time(row, 9),
            User = row.GetString(10),
            Context = JsonNode.Parse(row.GetString(11))!.AsObject(),
            Version = row.GetString(22),
            Tags = row.GetFieldValue<string[]>(23),
            CommandCriteria = row.GetFieldValue<string[]>(24),
            ClusterCriteria = row.GetFieldValue<string[]>(25),
            FanOut = row.IsDBNull(28) || !IsForAll(row.GetString(3)) ? null : FanOut.Read(row.GetString(28)),
            OnEnd = row.IsDBNull(29) ? null : EndHook.Read(row.GetString(29)),
        },
        DecidedUntil = row.GetDateTime(12),
        NextAt = Time(row, 13),
        Pause = row.IsDBNull(14) ? null : new SchedulePause(row.GetDateTime(14), row.GetString(15), row.GetString(16), Time(row, 17)),
        Seed = row.IsDBNull(18) ? null : row.GetString(18),
        EditedBy = row.IsDBNull(26) ? null : row.GetString(26),
        Scopes = row.IsDBNull(27) ? null : TagScope.Read(row.GetString(27)),
        SealedSecrets = row.IsDBNull(30)
            ? null
            : new SealedText(Schedule.OwnerOfSecrets(row.GetString(0)), row.GetString(30)),
        Revision = row.GetInt64(19),
        CreatedAt = row.GetDateTime(20),
        UpdatedAt = row.GetDateTime(21),
    };

    private static string? FindUnknownRule(string misfire, string overlap) =>
        FindRule<MisfireRule>(misfire) is null ? $"misfire: {misfire}"
        : FindRule<OverlapRule>(overlap) is null ? $"overlap: {overlap}"
        : null;

    private static T? FindRule<T>(string name)
        where T : struct, Enum =>
        Enum.TryParse<T>(name, ignoreCase: true, out var rule) && char.IsAsciiLetter(name[0]) && Enum.IsDefined(rule)
            ? rule
            : null;

    /// <summary>What <see cref="CronOf"/> has put together.</summary>
    public static (string Cron, DayRule Day) ReadCron(string text)
    {
        text = IsForAll(text) ? text[ForAll.Length..] : text;
        return text.StartsWith(EitherDay, StringComparison.Ordinal)
            ? (text[EitherDay.Length..], DayRule.Or)
            : (text, DayRule.And);
    }

    /// <summary>
    /// An older version that changes such a schedule writes an expression of its own, and leaves the other column as
    /// it was: the schedule is for one cluster then.
    /// </summary>
    private static bool IsForAll(string text) => text.StartsWith(ForAll, StringComparison.Ordinal);

    /// <summary>The expression with its rule for days, and whether its jobs are for all clusters.</summary>
    public static string CronOf(ScheduleDefinition definition) =>
        (definition.FanOut is null ? "" : ForAll) + (definition.Day == DayRule.Or ? EitherDay : "") + definition.Cron;

    public static JobParameters.IValue Lateness(TimeSpan? time) => new IntervalValue(time);

    private static DateTime? Time(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetDateTime(column);

    private sealed record IntervalValue(TimeSpan? Time) : JobParameters.IValue
    {
        public NpgsqlParameter ToParameter() => new() { NpgsqlDbType = NpgsqlDbType.Interval, Value = Time is null ? DBNull.Value : Time };
    }
}
