using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Running;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>What a running job does in its cluster at this moment: whether it works, waits, and for whom.</summary>
internal static class SessionPart
{
    public static async Task<Markup> DrawAsync(Job job, JobActivity activity, TimeProvider time, Func<string, string> to, CancellationToken cancellationToken)
    {
        if (job.Status is not (JobStatus.Running or JobStatus.Canceling))
        {
            return Markup.Empty;
        }
        var (answered, session) = await activity.FindAsync(job, cancellationToken);
        var body = (answered, session) switch
        {
            (false, _) => Markup.Of($"<p>The cluster did not say in time what the job does there.</p>"),
            (true, null) => Markup.Of($"<p>The cluster has no session of the job at this moment.</p>"),
            (true, not null) => Draw(session, time.GetUtcNow().UtcDateTime, to),
        };
        return Markup.Of($"<h2>In the database now</h2>{body}");
    }

    private static Markup Draw(SessionActivity session, DateTime now, Func<string, string> to) => Markup.Of($"""
        <dl class="hd-facts">
        {Pieces.Fact("Backend", $"pid {session.Pid}")}
        {Pieces.Fact("State", session.State ?? "not told to this login")}
        {Pieces.Fact("Waits for", session.WaitEvent ?? "nothing")}
        {Pieces.Fact("Statement runs", Since(session.StatementStartedAt, now))}
        {Pieces.Fact("Transaction open", Since(session.TransactionStartedAt, now))}
        </dl>
        {(session.BlockedBy.Count == 0 ? Markup.Empty : DrawBlockers(session.BlockedBy, now, to))}
        """);

    private static Markup DrawBlockers(IReadOnlyList<BlockingSession> blockers, DateTime now, Func<string, string> to) => Markup.Of($"""
        <div class="alert alert-warning hd-blocked"><p><strong>Blocked by {(blockers.Count == 1 ? "another session" : $"{blockers.Count} other sessions")}:</strong></p>
        <ul>{blockers.Select(blocker => Markup.Of($"<li>{DrawBlocker(blocker, now, to)}</li>"))}</ul></div>
        """);

    public static Markup DrawBlocker(BlockingSession blocker, DateTime now, Func<string, string> to)
    {
        string?[] said =
        [
            blocker.Pid == 0 ? "a prepared transaction" : $"pid {blocker.Pid}",
            blocker.User is { } user ? $"user {user}" : null,
            blocker.JobId is null ? blocker.Application : null,
            blocker.State,
            Since(blocker.TransactionStartedAt, now) is { } since ? $"transaction open for {since}" : null,
        ];
        var job = blocker.JobId is { } id ? Markup.Of($", {Pieces.JobLink(to, id, $"job {id}")}") : Markup.Empty;
        return Markup.Of($"{string.Join(", ", said.Where(part => part is not null))}{job}");
    }

    private static string? Since(DateTime? time, DateTime now) => time is { } from ? Pieces.Duration(now - from) : null;
}
