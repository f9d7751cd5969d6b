using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>How many of the jobs that match have each status. Each is a link that takes its status into the filter, or out of it.</summary>
internal static class StatusChips
{
    private static readonly JobStatus[] _statuses =
    [
        JobStatus.WaitingForApproval, JobStatus.Accepted, JobStatus.Running, JobStatus.Canceling, JobStatus.Succeeded,
        JobStatus.Failed, JobStatus.Canceled, JobStatus.Killed,
    ];

    public static Markup Draw(DashboardContext context, ListFilter list, MatchCounts counts)
    {
        var chosen = list.Filter.Status;
        var chips = _statuses.Select(status =>
        {
            var isChosen = chosen.Contains(status);
            var next = isChosen ? chosen.Where(one => one != status) : chosen.Append(status);
            var address = list.AddressOf(
                context.AddressOf("/sql/jobs"), ("status", string.Join(',', next.Distinct().Select(one => one.ToName()))));
            var current = isChosen ? Markup.Of($""" aria-current="true" """) : Markup.Empty;
            var count = Pieces.Number(counts.ByStatus.GetValueOrDefault(status));
            return Markup.Of($"""
                <li><a class="hd-chip" href="{address}"{current}>{status.ToName()} <b>{count}</b></a></li>
                """);
        });
        var bound = counts.IsPartial
            ? Markup.Of($"""
                <p class="hd-aside">Counted among the newest {Pieces.Number(JobFigures.MostMatched)}
                {WhoseOf(list.Filter)} that have ended, and as many that wait. Older ones are not counted.</p>
                """)
            : Markup.Empty;
        return Markup.Of($"""<ul class="hd-chips" aria-label="Counts">{chips}</ul>{bound}""");
    }

    /// <summary>Among which jobs those that match are counted.</summary>
    private static string WhoseOf(JobFilter filter) => filter switch
    {
        { Sight.IsEverything: false } => "jobs that you may see",
        { User: not null } => "jobs of this caller",
        { Cluster: not null } => "jobs of this cluster",
        { Command: not null } => "jobs of this command",
        _ => "jobs",
    };
}
