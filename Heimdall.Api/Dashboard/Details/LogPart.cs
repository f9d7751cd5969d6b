using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>A part of the run log, both streams as they were written.</summary>
/// <param name="Html">Its lines, notices and errors told apart.</param>
/// <param name="After">What the next part comes behind.</param>
/// <param name="HasMore">Whether there is a next part already.</param>
internal sealed record LogPart(Markup Html, long After, bool HasMore)
{
    // One piece is what a runner wrote in half a second, or the rest of its log at the end: a mebibyte a stream at most.
    private const int PiecesAtOnce = 40;

    public static async Task<LogPart> ReadAsync(DashboardContext context, Guid jobId)
    {
        var after = long.TryParse(context.Request.GetQuery("after"), NumberStyles.None, CultureInfo.InvariantCulture, out var known) ? known : 0;
        var pieces = await context.Service<JobLogStore>().ReadAfterAsync(jobId, JobLogStore.Both, after, PiecesAtOnce, context.Aborted());
        return new LogPart(Markup.Join(pieces.Select(Draw)), pieces is [.., var last] ? last.Number : after, pieces.Count == PiecesAtOnce);
    }

    public Markup DrawSection() => Markup.Of($"""
        <h2 id="hd-log-title">Run log</h2>
        <pre id="hd-log" class="hd-log" tabindex="0" role="log" aria-live="off" aria-labelledby="hd-log-title">{Html}</pre>
        """);

    private static Markup Draw(JobLogPiece piece) => piece.Stream == JobLogStream.Stdout
        ? Markup.Of($"{piece.Lines}")
        : Markup.Join(piece.Lines.TrimEnd('\n').Split('\n').Select(line => Markup.Of($"""<span class="{Kind(line)}">{line}{"\n"}</span>""")));

    private static string Kind(string line) => line.StartsWith("ERROR:", StringComparison.Ordinal) ? "hd-failure" : "hd-notice";
}
