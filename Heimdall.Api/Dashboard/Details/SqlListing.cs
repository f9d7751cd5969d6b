using System.Runtime.CompilerServices;
using System.Text;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>
/// SQL with the numbers of its lines, those that failed marked. Of a long script, its beginning and what is around lines
/// that failed, or that run now.
/// </summary>
internal static class SqlListing
{
    /// <summary>The lines of the beginning are always there.</summary>
    public const int Head = 300;

    private const int Around = 10;
    private const int MostMarked = 20;
    private const int LongestLine = 2000;

    /// <summary>So far the statement that runs now is looked for, at each look at the page.</summary>
    private const int MostLines = 100_000;

    /// <summary>The anchor of a line.</summary>
    public static string AnchorOf(long line) => $"L{line}";

    /// <param name="sql">The SQL.</param>
    /// <param name="errors">Of the statements that failed.</param>
    /// <param name="times">Of the statements that are done.</param>
    /// <param name="isRunning">Whether one of them runs.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<Markup> DrawAsync(
        TextReader sql, IReadOnlyList<StatementError> errors, StatementTimes times, bool isRunning,
        CancellationToken cancellationToken)
    {
        var starts = new StatementStarts();
        var isNowFound = !isRunning;
        var failed = errors.Where(error => error.Line is not null).Take(MostMarked).ToLookup(error => error.Line!.Value);
        var marked = failed.Select(line => line.Key).ToHashSet();
        var last = Math.Max(Head, marked.DefaultIfEmpty(0).Max() + Around);
        var lines = new List<Markup>();
        var (number, leftOut) = (0L, 0L);
        await foreach (var line in ReadLinesAsync(sql, LongestLine, cancellationToken))
        {
            number++;
            var isStart = starts.IsStart(line, times.ByLine.ContainsKey(number));
            var isNow = isStart && !isNowFound && number > times.LastLine;
            isNowFound |= isNow;
            if (isNow && marked.Add(number))
            {
                last = Math.Max(last, number + Around);
            }
            if (number > last && (isNowFound || number > MostLines))
            {
                lines.Add(Gap("The script goes on."));
                break;
            }
            if (number > Head && !marked.Any(line => Math.Abs(line - number) <= Around))
            {
                leftOut++;
                continue;
            }
            if (leftOut > 0)
            {
                lines.Add(Gap($"Lines {Pieces.Number(number - leftOut)} to {Pieces.Number(number - 1)} are left out."));
                leftOut = 0;
            }
            lines.Add(DrawLine(number, line, failed[number], times, isStart, isNow));
        }
        return Markup.Of($"""<ol class="hd-sql" tabindex="0" aria-label="SQL">{lines}</ol>""");
    }

    /// <summary>All of it, whatever its length.</summary>
    public static async Task<Markup> DrawWholeAsync(TextReader sql, CancellationToken cancellationToken)
    {
        var lines = new List<Markup>();
        await foreach (var line in ReadLinesAsync(sql, int.MaxValue - 1, cancellationToken))
        {
            lines.Add(Markup.Of($"""<li value="{lines.Count + 1}"><code>{line}</code></li>"""));
        }
        return Markup.Of($"""<ol class="hd-sql" tabindex="0" aria-label="SQL">{lines}</ol>""");
    }

    private static Markup DrawLine(
        long number, string line, IEnumerable<StatementError> errors, StatementTimes times, bool isStart, bool isNow)
    {
        var said = errors.Select(error => Markup.Of($"""<p class="hd-line-error">{Place(error)}{error.SqlState} {error.Message}</p>""")).ToList();
        var isDone = times.ByLine.TryGetValue(number, out var done);
        var told = isDone ? $"{(done.Statements > 1 ? $"{done.Statements} statements, " : "")}✓ {StatementTimes.Write(done.Milliseconds)}"
            : isNow ? "runs now" : "";
        var took = told.Length > 0 ? Markup.Of($""" data-took="{told}" """) : Markup.Empty;
        var kind = $"{(isStart ? "hd-start" : "")}{(isDone ? " hd-done" : isNow ? " hd-now" : "")}{(times.SlowLines.Contains(number) ? " hd-slow" : "")}";
        return said.Count == 0
            ? Markup.Of($"""<li id="{AnchorOf(number)}" value="{number}" class="{kind}"><code{took}>{line}</code></li>""")
            : Markup.Of($"""<li id="{AnchorOf(number)}" value="{number}" class="hd-failed" tabindex="-1"><code{took}><mark>{line}</mark></code>{said}</li>""");
    }

    private static string Place(StatementError error) => error.Column is { } column ? $"Failed here, column {column}: " : "Failed here: ";

    private static Markup Gap(string text) => Markup.Of($"""<li class="hd-gap">{text}</li>""");

    /// <summary>Lines as PostgreSQL counts them: by line feeds alone.</summary>
    private static async IAsyncEnumerable<string> ReadLinesAsync(
        TextReader text, int longest, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = new char[16 * 1024];
        var line = new StringBuilder();
        var hasRest = false;
        for (int count; (count = await text.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            for (var start = 0; start < count;)
            {
                var end = Array.IndexOf(buffer, '\n', start, count - start);
                var piece = buffer.AsMemory(start, (end < 0 ? count : end) - start);
                line.Append(piece[..Math.Min(piece.Length, longest + 1 - line.Length)]);
                hasRest = end < 0;
                if (end >= 0)
                {
                    yield return Take(line, longest);
                }
                start = end < 0 ? count : end + 1;
            }
        }
        if (hasRest)
        {
            yield return Take(line, longest);
        }
    }

    private static string Take(StringBuilder line, int longest)
    {
        var text = line.Length > longest ? $"{line.ToString(0, longest)} …" : line.ToString();
        line.Clear();
        return text;
    }
}
