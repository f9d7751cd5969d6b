using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The end of the run log, both streams as they were written, or what has come behind what a page has already.</summary>
/// <param name="Html">Its lines, notices and errors told apart.</param>
/// <param name="After">What the next part comes behind.</param>
/// <param name="IsCut">Whether lines before it are left out.</param>
internal sealed record LogPart(Markup Html, long After, bool IsCut)
{
    private const int MostKibibytes = 64;

    public static async Task<LogPart> ReadAsync(DashboardContext context, Guid jobId)
    {
        var after = long.TryParse(context.Request.GetQuery("after"), NumberStyles.None, CultureInfo.InvariantCulture, out var known) ? known : 0;
        var tail = await context.Service<JobLogStore>().ReadTailAsync(jobId, after, MostKibibytes * 1024, context.Aborted());
        return new LogPart(Markup.Join(tail.Newest.Select(Draw)), tail.Newest is [.., var last] ? last.Number : after, tail.IsCut);
    }

    /// <summary>The whole log of a stream, as text. Here too, since a browser that has signed in to the dashboard has not signed in to the API.</summary>
    public static Func<DashboardContext, Task> SendAsync(JobLogStream stream) => async context =>
    {
        var http = context.GetHttpContext();
        var id = context.AddressedJob();
        if (await context.Service<JobStore>().FindPlaceAsync(id, context.Aborted()) is not { } job
            || !context.RightsOfCaller().Over(Right.SeeJobs, job))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        http.Response.ContentType = "text/plain; charset=utf-8";
        await foreach (var lines in context.Service<JobLogStore>().ReadAsync(id, stream, context.Aborted()))
        {
            await http.Response.WriteAsync(lines, context.Aborted());
        }
    };

    public Markup DrawSection(DashboardContext context, Guid jobId)
    {
        var path = context.AddressOf($"/sql/jobs/{jobId}");
        return Markup.Of($"""
            <h2 id="hd-log-title">Run log</h2>
            <p class="hd-aside"><span id="hd-log-cut"{(IsCut ? Markup.Empty : Markup.Of($" hidden"))}>Earlier lines are left out; here are the last {MostKibibytes} KiB. </span>The whole log: <a href="{path}/stdout">stdout</a>, <a href="{path}/stderr">stderr</a></p>
            <pre id="hd-log" class="hd-log" data-most="{MostKibibytes * 1024}" tabindex="0" role="log" aria-live="off" aria-labelledby="hd-log-title">{Html}</pre>
            """);
    }

    private static Markup Draw(JobLogPiece piece) => piece.Stream == JobLogStream.Stdout
        ? Markup.Of($"{piece.Lines}")
        : Markup.Join(piece.Split().Select(line => Markup.Of($"""<span class="{Kind(line)}">{line}{"\n"}</span>""")));

    private static string Kind(string line) => line.StartsWith("ERROR:", StringComparison.Ordinal) ? "hd-failure" : "hd-notice";
}
