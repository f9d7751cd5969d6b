using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>Jobs as rows. Where the screen is narrow, what the hidden columns say stands below the name.</summary>
internal static class JobTable
{
    private const int LongestError = 160;

    public static Markup Draw(DashboardContext context, IReadOnlyList<Job> jobs, DateTime now) => jobs.Count == 0
        ? Markup.Of($"<p>No job matches.</p>")
        : Markup.Of($"""
            <table class="table hd-jobs"><thead><tr>
            <th scope="col">Status</th><th scope="col">Job</th><th scope="col" class="hd-wide">Command</th><th scope="col" class="hd-wide">Cluster</th>
            <th scope="col" class="hd-wide">Caller</th><th scope="col" class="hd-wide">Created</th><th scope="col" class="hd-wide">Took</th>
            </tr></thead><tbody>{jobs.Select(job => DrawRow(context, job, now))}</tbody></table>
            """);

    private static Markup DrawRow(DashboardContext context, Job job, DateTime now)
    {
        var took = job.StartedAt is { } start ? Pieces.Duration((job.FinishedAt ?? now) - start) : "";
        var cluster = job.FanOut is { } fanOut ? Pieces.Clusters(fanOut.Total) : job.ClusterName;
        return Markup.Of($"""
            <tr><td>{Pieces.Status(job.Status)}</td>
            <td>{Pieces.JobLink(context.AddressOf, job.Id, job.Name)}{DrawSaid(job)}
            <div class="hd-narrow">{job.CommandName} · {cluster} · {job.User} · {Pieces.Time(job.CreatedAt)}{(took.Length > 0 ? $" · {took.Replace(' ', '\u00a0')}" : "")}</div></td>
            <td class="hd-wide">{job.CommandName}</td><td class="hd-wide">{cluster}</td>
            <td class="hd-wide">{job.User}</td>
            <td class="hd-wide">{Pieces.Time(job.CreatedAt)}</td><td class="hd-wide">{took}</td></tr>
            """);
    }

    /// <summary>Why it failed, or how far it has come.</summary>
    private static Markup DrawSaid(Job job) => job switch
    {
        { Failure: { } failure } => Said(failure.ToLine()),
        { Status: JobStatus.Running or JobStatus.Canceling, FanOut: { } fanOut } =>
            Said($"Clusters done: {fanOut.Ended} of {fanOut.Total}"),
        { Status: JobStatus.Running or JobStatus.Canceling, Progress: { BytesRead: { } read, BytesTotal: { } size and > 0 } } when read < size =>
            Said($"{100 * Math.Min(read, size) / size} % of the script read, statements done: {Pieces.Number(job.Progress.Statements ?? 0)}"),
        { Status: JobStatus.Running or JobStatus.Canceling, Progress.Statements: { } done } => Said($"Statements done: {Pieces.Number(done)}"),
        _ => Markup.Empty,
    };

    private static Markup Said(string text) =>
        Markup.Of($"""<div class="hd-said">{(text.Length > LongestError ? $"{text[..LongestError]} …" : text)}</div>""");
}
