using System.Globalization;
using System.Text.RegularExpressions;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The statements that the last attempt has done, as its run log tells them.</summary>
internal sealed partial class StatementTimes
{
    private const int MostSlow = 5;

    private readonly List<StatementTime> _done = [];

    /// <summary>By the line that they begin in: how long its statements took together, and how many they are.</summary>
    public IReadOnlyDictionary<long, (int Statements, double Milliseconds)> ByLine { get; private set; } =
        new Dictionary<long, (int, double)>();

    /// <summary>The last line in which a statement that is done begins.</summary>
    public long LastLine { get; private set; }

    /// <summary>Of what has not run.</summary>
    public static StatementTimes None { get; } = new();

    public static async Task<StatementTimes> ReadAsync(DashboardContext context, Guid jobId)
    {
        var times = new StatementTimes();
        var rest = "";
        await foreach (var piece in context.Service<JobLogStore>().ReadAsync(jobId, JobLogStream.Stdout, context.Aborted()))
        {
            rest = times.Take(rest + piece);
        }
        times.Take($"{rest}\n");
        times.ByLine = times._done.Where(one => one.IsOfScript).GroupBy(one => one.Line).ToDictionary(
            line => line.Key, line => (line.Count(), line.Sum(one => one.Milliseconds)));
        times.SlowLines = times.Slowest().Where(one => one.IsOfScript).Select(one => one.Line).ToHashSet();
        times.LastLine = times.ByLine.Keys.DefaultIfEmpty(0).Max();
        return times;
    }

    /// <summary>The lines of the script whose statements took longest.</summary>
    public IReadOnlySet<long> SlowLines { get; private set; } = new HashSet<long>();

    public Markup DrawSlowest()
    {
        var slowest = Slowest().Select(one => Markup.Of($"""
            <li>Statement {one.Number}, {Place(one)}: {one.Tag}, <b>{Write(one.Milliseconds)}</b></li>
            """)).ToList();
        return slowest.Count == 0
            ? Markup.Empty
            : Markup.Of($"""<p class="hd-aside">Slowest of {Pieces.Number(_done.Count)} statements done:</p><ol class="hd-slowest">{slowest}</ol>""");
    }

    public static string Write(double milliseconds) => milliseconds < 1000
        ? $"{milliseconds.ToString("0.0", CultureInfo.InvariantCulture)} ms"
        : Pieces.Duration(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>With one statement or two there is nothing to compare.</summary>
    private IEnumerable<StatementTime> Slowest() =>
        _done.Count < 3 ? [] : _done.OrderByDescending(one => one.Milliseconds).Take(MostSlow);

    private static Markup Place(StatementTime one) => one.IsOfScript && one.Line <= SqlListing.Head
        ? Markup.Of($"""<a href="#{SqlListing.AnchorOf(one.Line)}">line {one.Line}</a>""")
        : Markup.Of($"line {one.Line}{one.File}");

    /// <returns>The beginning of a line that is not whole yet.</returns>
    private string Take(string text)
    {
        var end = text.LastIndexOf('\n') + 1;
        foreach (Match match in Line().Matches(text[..end]))
        {
            var number = long.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
            if (_done.Count > 0 && number <= _done[^1].Number)
            {
                _done.Clear(); // another attempt
            }
            _done.Add(new StatementTime(
                number, long.Parse(match.Groups["line"].ValueSpan, CultureInfo.InvariantCulture),
                match.Groups["file"].Value, match.Groups["tag"].Value,
                double.Parse(match.Groups["ms"].ValueSpan, CultureInfo.InvariantCulture)));
        }
        return text[end..];
    }

    [GeneratedRegex(
        @"^(?<number>[0-9]{1,12})  line (?<line>[0-9]{1,12})(?<file>[^\n]*?)  (?<tag>[^\n]*?)  [0-9]+ rows?  (?<ms>[0-9]{1,12}\.[0-9]) ms$",
        RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Line();

    private sealed record StatementTime(long Number, long Line, string File, string Tag, double Milliseconds)
    {
        /// <summary>Of the job's own script, and not of one that it includes.</summary>
        public bool IsOfScript => File.Length == 0;
    }
}
