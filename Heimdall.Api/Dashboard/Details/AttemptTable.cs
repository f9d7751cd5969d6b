using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>How often a job was run, by whom, and how each time ended.</summary>
internal static class AttemptTable
{
    public static Markup Draw(IReadOnlyList<(JobAttempt Attempt, AttemptSession? Session)> attempts) => attempts.Count == 0
        ? Markup.Empty
        : Markup.Of($"""
            <h2>Attempts</h2>
            <div class="table-responsive" tabindex="0" role="region" aria-label="Attempts">
            <table class="table table-condensed"><thead><tr>
            <th scope="col">No.</th><th scope="col">Outcome</th><th scope="col">Started</th><th scope="col">Took</th><th scope="col">Worker</th><th scope="col">Backend</th>
            </tr></thead><tbody>{attempts.Select(one => DrawRow(one.Attempt, one.Session))}</tbody></table></div>
            """);

    private static Markup DrawRow(JobAttempt attempt, AttemptSession? session)
    {
        var said = string.Join(" ", new[] { attempt.SqlState, attempt.Error, attempt.Detail }.Where(text => !string.IsNullOrEmpty(text)));
        var took = attempt.FinishedAt is { } end ? Pieces.Duration(end - attempt.StartedAt) : "";
        var backend = string.Join(", ", new[] { session?.Pid is { } pid ? $"pid {pid}" : null, session?.Xid is { } xid ? $"xid {xid}" : null }.Where(text => text is not null));
        return Markup.Of($"""
            <tr><th scope="row">{attempt.Number}</th>
            <td>{(attempt.Outcome is { } outcome ? Pieces.State(outcome) : Markup.Of($"has not ended"))}{(said.Length > 0 ? Markup.Of($"""<div class="hd-said">{said}</div>""") : Markup.Empty)}</td>
            <td>{Pieces.Time(attempt.StartedAt)}</td><td>{took}</td><td>{attempt.Worker}</td><td>{backend}</td></tr>
            """);
    }
}
