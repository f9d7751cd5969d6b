using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>What a session is set to before a job's SQL runs in it.</summary>
internal sealed record SessionSettings
{
    /// <summary>A worker that froze in the middle of a transaction must not hold its locks for ever.</summary>
    private const string IdleInTransaction = "60s";

    /// <summary>A query's transaction is idle while its last rows wait for a reader who takes his time.</summary>
    private const string IdleInQuery = "600s";

    public required string ApplicationName { get; init; }

    /// <summary>Name and value for set_config, in order. The role comes last: it may not be allowed to set the others.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Values { get; init; }

    public TimeSpan? StatementTimeout { get; init; }

    /// <summary>The name by which pg_stat_activity, cancel and recovery find the backend of a job.</summary>
    public static string ApplicationNameOf(Guid jobId) => $"heimdall {jobId}";

    public static SessionSettings For(PluginJob job, JobSettings context)
    {
        var name = ApplicationNameOf(job.Id);
        var values = new List<KeyValuePair<string, string>>
        {
            new("application_name", name),
            new("idle_in_transaction_session_timeout", context.ReturnResult ? IdleInQuery : IdleInTransaction),
        };

        AddTimeout(values, "statement_timeout", context.Timeout);
        AddTimeout(values, "lock_timeout", context.LockTimeout);

        // Results are shown in one fixed form, whatever the server, the database or the login prefers.
        if (context.ReturnResult)
        {
            values.AddRange(
            [
                new("TimeZone", "UTC"),
                new("DateStyle", "ISO"),
                new("IntervalStyle", "postgres"),
                new("bytea_output", "hex"),
                new("extra_float_digits", "1"),
            ]);
        }

        if (context.SearchPath is { } searchPath)
        {
            values.Add(new("search_path", searchPath));
        }

        if (context.Role is { } role)
        {
            values.Add(new("role", role));
        }

        return new SessionSettings { ApplicationName = name, Values = values, StatementTimeout = context.Timeout };
    }

    private static void AddTimeout(List<KeyValuePair<string, string>> values, string name, TimeSpan? timeout)
    {
        if (timeout is { } time)
        {
            // Zero would mean "no limit".
            values.Add(new(name, $"{Math.Max(1, (long)time.TotalMilliseconds)}ms"));
        }
    }
}
