namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>What the fields of a job's context mean, in the words of <c>docs/reference/job-fields.md</c>.</summary>
internal static class JobFieldMeanings
{
    private static readonly Dictionary<string, string> _meanings = new(StringComparer.Ordinal)
    {
        ["query"] = "SQL, or the path of one .sql file",
        ["sha256"] = "what the script of query must be, else the job fails",
        ["return_result"] = "true: a query with rows; false: a batch",
        ["timeout_seconds"] = "the longest the job may run; then it is KILLED",
        ["lock_timeout_seconds"] = "the longest wait for a lock",
        ["role"] = "set role before the SQL runs",
        ["search_path"] = "as it would stand after set search_path to",
        ["parameters"] = "bound values; may be secret",
        ["row_limit"] = "rows after which the result is truncated",
        ["byte_limit"] = "bytes of values after which the result is truncated",
        ["numbers"] = "string: int8 and numeric as JSON strings",
        ["read_only"] = "a READ ONLY transaction",
        ["transaction"] = "single: all or nothing; none: statement by statement",
        ["on_error"] = "continue: run the rest after an error; needs none",
        ["psql"] = "psql's commands are understood",
        ["variables"] = "what :name in the script stands for",
    };

    public static string Of(string field) => _meanings[field];
}
