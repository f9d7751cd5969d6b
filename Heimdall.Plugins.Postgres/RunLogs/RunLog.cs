using System.Globalization;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.RunLogs;

/// <summary>
/// The lines of a job's stdout and stderr. Programs read them: the form is part of what users can count on.
/// </summary>
internal static class RunLog
{
    /// <summary>
    /// Number, first line, tag, rows and time of a statement, two blanks apart: <c>1 line 3 CREATE TABLE 0 rows 1.2
    /// ms</c>.
    /// </summary>
    public static string Statement(
        ScriptStatement statement, CommandOutcome outcome, TimeSpan elapsed) => string.Create(
        CultureInfo.InvariantCulture,
        $"{statement.Number}  line {statement.Line}{InFile(statement.File)}  "
        + $"{(outcome.Tag.Length > 0 ? outcome.Tag : statement.Tag)}  "
        + $"{outcome.Rows} {(outcome.Rows == 1 ? "row" : "rows")}  {elapsed.TotalMilliseconds:0.0} ms");

    /// <summary>What was made of a command of psql's: <c>line 3  \timing  skipped: …</c>.</summary>
    public static string Command(string name, long line, string? file, string text) =>
        $"line {line}{InFile(file)}  {name}  {text}";

    /// <summary>A notice as psql prints it, with the statement that caused it.</summary>
    public static IEnumerable<string> Notice(PostgresNotice notice, ScriptStatement? statement)
    {
        var where = statement is null
            ? ""
            : $" (statement {statement.Number}, line {statement.Line}{InFile(statement.File)})";
        yield return $"{notice.InvariantSeverity}:  {notice.MessageText}{where}";

        foreach (var line in Details(notice.Detail, notice.Hint, context: null))
        {
            yield return line;
        }
    }

    public static IEnumerable<string> Failure(JobFailure failure)
    {
        foreach (var error in failure.Errors.DefaultIfEmpty(new StatementError { Message = failure.Message }))
        {
            var code = error.SqlState is null ? "" : $"{error.SqlState}: ";
            yield return $"ERROR:  {code}{error.Message}{Where(error)}";

            foreach (var line in Details(error.Detail, error.Hint, error.Context))
            {
                yield return line;
            }
        }
    }

    private static string Where(StatementError error)
    {
        var parts = new List<string>();
        if (error.Statement is { } statement)
        {
            parts.Add($"statement {statement}");
        }

        if (error.Line is { } line)
        {
            parts.Add($"line {line}{InFile(error.File)}");
        }

        if (error.Column is { } column)
        {
            parts.Add($"column {column}");
        }

        return parts.Count == 0 ? "" : $" ({string.Join(", ", parts)})";
    }

    private static string InFile(string? file) => file is null ? "" : $" of {file}";

    private static IEnumerable<string> Details(string? detail, string? hint, string? context)
    {
        if (detail is not null)
        {
            yield return $"DETAIL:  {detail}";
        }

        if (hint is not null)
        {
            yield return $"HINT:  {hint}";
        }

        if (context is not null)
        {
            yield return $"CONTEXT:  {context}";
        }
    }
}
