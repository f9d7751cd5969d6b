using System.Globalization;
using System.Text;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Jobs;
using Heimdall.Api.Rights;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The first rows of a stored result as a table. Long values are cut, and say so.</summary>
internal sealed class PreviewTable : IResultWriter
{
    private const int MostRows = 20;
    private const string From = "from_row";
    private const int LongestValue = 200; // characters
    private const int LongestValueBytes = 4 * LongestValue;

    private readonly List<Markup> _rows = [];
    private List<Markup> _row = [];

    private PreviewTable()
    {
    }

    public static async Task<Markup> DrawAsync(
        DashboardContext context, Job job, ResultStore results, ResultsConfig config, StoreClock time, CancellationToken cancellationToken)
    {
        if (job.Status != JobStatus.Succeeded
            || !await context.RightsOfCaller().SeesChildrenAsync(
                context.Service<FanOuts>(), job, cancellationToken)
            || await results.FindAsync(job, config, cancellationToken) is not { } result)
        {
            return Markup.Empty;
        }
        if (result.MissingOn is { } cluster)
        {
            return Section(Pieces.Alert("warning", Markup.Of($"{ReadResult.WhyMissing(cluster)}")));
        }
        if (result.IsDropped || result.ExpiresAt <= time.GetUtcNow().UtcDateTime)
        {
            return Section(Markup.Of($"<p>It was kept until {Pieces.Time(result.ExpiresAt)}.</p>"));
        }
        if (result.Mismatch is { } mismatch)
        {
            return Section(Pieces.Alert("warning", Markup.Of($"{mismatch}")));
        }
        var from = long.TryParse(context.Request.GetQuery(From), NumberStyles.None, CultureInfo.InvariantCulture, out var asked)
            ? Math.Min(asked, Math.Max(0, result.RowCount - 1))
            : 0;
        var table = new PreviewTable();
        try
        {
            await results.ReplayAsync(result, new ResultPage(from, MostRows), table, cancellationToken);
        }
        catch (ResultStorageException)
        {
            return Section(Pieces.Alert("warning", Markup.Of($"The stored result cannot be read; the log of the server says why. The job itself has succeeded.")));
        }
        return Section(table.Draw(context, job, result, from));
    }

    public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void StartRow() => _row = [];

    public void WriteNull() => _row.Add(Markup.Of($"""<td><i class="hd-null">NULL</i></td>"""));

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        var text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, LongestValueBytes)]);
        var isCut = utf8.Length > LongestValueBytes || text.Length > LongestValue;
        _row.Add(isCut
            ? Markup.Of($"""<td>{text[..Math.Min(text.Length, LongestValue)]}<span class="hd-aside"> … cut</span></td>""")
            : Markup.Of($"<td>{text}</td>"));
    }

    public void EndRow() => _rows.Add(Markup.Of($"<tr>{_row}</tr>"));

    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private Markup Draw(DashboardContext context, Job job, StoredResult result, long from)
    {
        var head = result.Columns.Select(column => Markup.Of($"""<th scope="col">{column.Name} <span class="hd-aside">{column.Type}</span></th>"""));
        var path = context.AddressOf($"/sql/jobs/{job.Id}");
        var files = ResultDownload.Formats.Select(format => Markup.Of($"""<a href="{path}/result/{format}">{format.ToUpperInvariant()}</a> """));
        var earlier = from > 0
            ? Markup.Of($"""<li><a class="btn" rel="prev" href="{path}?{From}={Math.Max(0, from - MostRows)}#hd-part-result">Earlier rows</a></li>""")
            : Markup.Empty;
        var later = from + _rows.Count < result.RowCount
            ? Markup.Of($"""<li><a class="btn" rel="next" href="{path}?{From}={from + MostRows}#hd-part-result">Later rows</a></li>""")
            : Markup.Empty;
        var count = from > 0 ? $"Rows {Pieces.Number(from + 1)} to {Pieces.Number(from + _rows.Count)} of {Pieces.Number(result.RowCount)}."
            : _rows.Count < result.RowCount
            ? $"The first {_rows.Count} of {Pieces.Number(result.RowCount)} rows."
            : $"{Pieces.Number(result.RowCount)} {(result.RowCount == 1 ? "row" : "rows")}.";
        var cut = result.Truncated ? " A limit ended the result before its last row." : "";
        return Markup.Of($"""
            <p class="hd-aside">{count}{cut} Kept until {Pieces.Time(result.ExpiresAt)}; all of it: {files}</p>
            <div class="table-responsive" tabindex="0" role="region" aria-label="Result">
            <table class="table table-condensed hd-result"><thead><tr>{head}</tr></thead><tbody>{_rows}</tbody></table></div>
            <nav aria-label="Rows"><ul class="hd-pages">{earlier}{later}</ul></nav>
            """);
    }

    private static Markup Section(Markup body) => Markup.Of($"<h2>Result</h2>{body}");
}
