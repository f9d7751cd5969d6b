using System.Globalization;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What a session is set to before a job's SQL runs in it.</summary>
internal sealed record SessionSettings
{
    /// <summary>A worker that froze in the middle of a transaction must not hold its locks for ever.</summary>
    private const string IdleInTransaction = "60s";

    /// <summary>
    /// The server counts the time in which nobody reads the rows of a query, and the deadline of the job does not: the
    /// server's is only for a process that is not there to act on the deadline.
    /// </summary>
    private static readonly TimeSpan ReadingTime = TimeSpan.FromMinutes(10);

    private const string NamePrefix = "heimdall ";
    private const string SearchPath = "search_path";
    private const string ApplicationNameKey = "application_name";
    private const string DateStyle = "DateStyle";

    /// <summary>
    /// How often a session with an open transaction that waits for something else shows that it is not frozen.
    /// </summary>
    public static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(15);

    /// <summary>
    /// What is the same for all queries. Results are shown in one fixed form, whatever the server, the database or the
    /// login prefers; and a query's transaction is idle while its last rows wait for a reader who takes his time.
    /// Values as the server shows them.
    /// </summary>
    /// <remarks>Not DateStyle: it is also in which order the login writes day and month, and that stays.</remarks>
    public static IReadOnlyList<KeyValuePair<string, string>> OfAllQueries { get; } =
    [
        new("TimeZone", "UTC"),
        new("IntervalStyle", "postgres"),
        new("bytea_output", "hex"),
        new("extra_float_digits", "1"),
        new("idle_in_transaction_session_timeout", "10min"),
    ];

    /// <summary>Ends the backend of a dead client within a second instead of at the end of its statement.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> OfClientCheck { get; } =
        [new("client_connection_check_interval", "1s")];

    /// <summary>A session that waits for Heimdall's database between two statements is not idle.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> OfIdleSession { get; } =
        [new("idle_session_timeout", "0")];

    /// <summary>What a session of queries is given when it begins: then nothing of it is sent again.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> AtStartOfQueries { get; } =
        [.. OfAllQueries, .. OfClientCheck, .. OfIdleSession];

    public required string ApplicationName { get; init; }

    /// <summary>Names and values, in order. The role comes last: it may not be allowed to set the others.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Values { get; init; }

    public TimeSpan? StatementTimeout { get; init; }

    /// <summary>
    /// The name by which pg_stat_activity and recovery find the backend of an attempt. With the attempt's number: a
    /// runner that was taken for dead must never end the session of the one after it. At most 56 bytes; the server cuts
    /// off behind 63.
    /// </summary>
    public static string ApplicationNameOf(Guid jobId, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"{NamePrefix}{jobId} {attempt}");

    /// <summary>The job whose backend bears this name; null for any other name.</summary>
    public static Guid? FindJobId(string? applicationName) =>
        applicationName?.StartsWith(NamePrefix, StringComparison.Ordinal) == true
        && Guid.TryParseExact(applicationName[NamePrefix.Length..].Split(' ')[0], "D", out var id) ? id : null;

    /// <summary>The values that a query's session still needs.</summary>
    public IEnumerable<KeyValuePair<string, string>> NeededBy(ServerTraits traits) =>
    [
        .. traits.HasSettingsOfQueries ? [] : traits.Settings.Concat(OfAllQueries),
        .. Values.Where(value => value.Key != DateStyle || !traits.HasIsoDates),
    ];

    public static SessionSettings For(PluginJob job, JobSettings context)
    {
        var name = ApplicationNameOf(job.Id, job.Attempt);
        var values = new List<KeyValuePair<string, string>>
        {
            new(ApplicationNameKey, name),
            context.ReturnResult
                ? new(DateStyle, "ISO")
                : new("idle_in_transaction_session_timeout", IdleInTransaction),
        };

        AddTimeout(
            values, "statement_timeout", context.ReturnResult ? context.Timeout + ReadingTime : context.Timeout);
        AddTimeout(values, "lock_timeout", context.LockTimeout);

        if (context.SearchPath is { } searchPath)
        {
            values.Add(new(SearchPath, searchPath));
        }

        if (context.Role is { } role)
        {
            values.Add(new("role", role));
        }

        return new SessionSettings
        {
            ApplicationName = name,
            Values = values,
            StatementTimeout = context.Timeout,
        };
    }

    /// <summary>
    /// The query that sets the rest of a transaction which needs no BEGIN: SET LOCAL would need one. Counts as its
    /// first query.
    /// </summary>
    /// <param name="values">Names and values.</param>
    /// <param name="isReadOnly">True to have the transaction write nothing from then on.</param>
    public static string ToQuery(IEnumerable<KeyValuePair<string, string>> values, bool isReadOnly)
    {
        var all = isReadOnly ? values.Prepend(new("transaction_read_only", "on")) : values;
        return "select " + string.Join(", ", all.Select(value =>
            $"pg_catalog.set_config('{value.Key}', "
            + $"{ToLiteral(value.Key == SearchPath ? ToList(value.Value) : value.Value)}, true)"));
    }

    /// <summary>
    /// The commands that set a session, or where <paramref name="isLocal"/> only its transaction. None of them counts
    /// as its first query.
    /// </summary>
    /// <param name="values">Names and values.</param>
    /// <param name="isLocal">Whether they end with the transaction.</param>
    /// <param name="keepsName">Whether the session's name does not.</param>
    public static IEnumerable<string> ToCommands(
        IEnumerable<KeyValuePair<string, string>> values, bool isLocal, bool keepsName = false) => values.Select(
        value => (isLocal && !(keepsName && value.Key == ApplicationNameKey) ? "set local " : "set ")
            + $"{value.Key} to {(value.Key == SearchPath ? ToList(value.Value) : ToLiteral(value.Value))}");

    private static string ToLiteral(string value)
    {
        var quoted = $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";
        return quoted.Contains('\\', StringComparison.Ordinal)
            ? $"E{quoted.Replace("\\", "\\\\", StringComparison.Ordinal)}"
            : quoted;
    }

    private static string ToList(string path) =>
        string.Join(", ", SearchPathNames.Read(path)!.Select(Quote).DefaultIfEmpty("''"));

    private static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static void AddTimeout(List<KeyValuePair<string, string>> values, string name, TimeSpan? timeout)
    {
        if (timeout is { } time)
        {
            // Zero would mean "no limit".
            values.Add(new(name, $"{Math.Clamp((long)time.TotalMilliseconds, 1, int.MaxValue)}ms"));
        }
    }
}
