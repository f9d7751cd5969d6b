using System.Globalization;
using System.Text;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>Says on stderr what went wrong, with the place in the SQL.</summary>
internal static class ProblemText
{
    private const int Before = 60; // characters of a long line that are shown on either side of the place
    private const int MostErrors = 20;

    /// <param name="terminal">Where to say it.</param>
    /// <param name="exception">What went wrong.</param>
    /// <param name="sql">The text that was sent; null for none.</param>
    public static void Say(Terminal terminal, HeimdallException exception, string? sql)
    {
        terminal.Say($"heimdall: {exception.Message}{(exception.Sqlstate is { } state ? $" ({state})" : "")}");
        ShowPlace(terminal, sql, exception.Line, exception.Column);
        SayMore(terminal, exception.ErrorDetail, exception.Hint);
        if (exception.JobId is { } id)
        {
            terminal.Say($"job {id}");
        }
        if (exception.Type == "unauthorized")
        {
            terminal.Say("Store a key by `heimdall login`, or set HEIMDALL_KEY.");
        }
    }

    /// <summary>How a job ended, and which statements failed.</summary>
    public static void SayEnd(Terminal terminal, HeimdallJob job, string? sql)
    {
        var time = job is { StartedAt: { } start, FinishedAt: { } end }
            ? string.Create(CultureInfo.InvariantCulture, $", {(end - start).TotalSeconds:0.00} s")
            : "";
        var (statements, rows) = (Count(job.Statements, "statement"), Count(job.RowsAffected ?? job.RowCount, "row"));
        terminal.Say($"{job.Status}: {statements}, {rows}{time} (job {job.Id})");
        if (job.Error is { } message && job.Errors.All(error => error.Message != message))
        {
            terminal.Say($"heimdall: {message}");
        }
        foreach (var error in job.Errors.Take(MostErrors))
        {
            var place = error.File is { } file ? $"{file}, " : "";
            var state = error.Sqlstate is { } code ? $" ({code})" : "";
            place = error.Cluster is { } cluster ? $"cluster {cluster}, {place}" : place;
            place = error.Statement is { } statement ? $"{place}statement {statement}" : place.TrimEnd(',', ' ');
            terminal.Say($"heimdall: {error.Message}{state}{(place.Length > 0 ? $" [{place}]" : "")}");
            ShowPlace(terminal, error.File is null ? sql : null, error.Line, error.Column);
            SayMore(terminal, error.Detail, error.Hint);
        }
        if (job.Errors.Count > MostErrors)
        {
            terminal.Say($"And {job.Errors.Count - MostErrors} more errors: heimdall job {job.Id} --format json");
        }
    }

    private static void SayMore(Terminal terminal, string? detail, string? hint)
    {
        if (detail is not null)
        {
            terminal.Say($"detail: {detail}");
        }
        if (hint is not null)
        {
            terminal.Say($"hint: {hint}");
        }
    }

    private static void ShowPlace(Terminal terminal, string? sql, long? line, long? column)
    {
        if (line is not { } number)
        {
            return;
        }
        terminal.Say(column is { } at ? $"line {number}, column {at}:" : $"line {number}:");
        if (sql?.Split('\n').ElementAtOrDefault((int)Math.Min(number - 1, int.MaxValue))?.TrimEnd('\r') is not { } text)
        {
            return;
        }
        var runes = text.EnumerateRunes().ToArray();
        var place = (int)Math.Clamp((column ?? 1) - 1, 0, runes.Length);
        var (first, last) = (Math.Max(0, place - Before), Math.Min(runes.Length, place + Before));
        var (left, right) = (Show(runes[first..place]), Show(runes[place..last]));
        terminal.Say($"  {left}{right}");
        if (column is not null)
        {
            terminal.Say($"  {new string(' ', left.EnumerateRunes().Count())}^");
        }
    }

    private static string Show(Rune[] runes)
    {
        var text = string.Concat(runes.Select(rune => rune.ToString()));
        return VisibleText.Of(text.Replace('\t', ' '), isCell: true);
    }

    private static string Count(long? count, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{count ?? 0} {what}{(count == 1 ? "" : "s")}");
}
