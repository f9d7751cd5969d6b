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
        JobStatus.Accepted, JobStatus.Running, JobStatus.Canceling, JobStatus.Succeeded, JobStatus.Failed,
        JobStatus.Canceled, JobStatus.Killed,
    ];

    public static Markup Draw(DashboardContext context, ListFilter list, IReadOnlyDictionary<JobStatus, long> counts)
    {
        var chosen = list.Filter.Status;
        var chips = _statuses.Select(status =>
        {
            var isChosen = chosen.Contains(status);
            var next = isChosen ? chosen.Where(one => one != status) : chosen.Append(status);
            var address = list.AddressOf(
                context.AddressOf("/sql/jobs"), ("status", string.Join(',', next.Distinct().Select(one => one.ToName()))));
            return Markup.Of($"""
                <li><a class="hd-chip" href="{address}"{(isChosen ? Markup.Of($""" aria-current="true" """) : Markup.Empty)}>{status.ToName()} <b>{Pieces.Number(counts.GetValueOrDefault(status))}</b></a></li>
                """);
        });
        var bound = counts.Values.Sum() >= JobFigures.MostMatched
            ? Markup.Of($"""<p class="hd-aside">Counted among the newest {Pieces.Number(JobFigures.MostMatched)} jobs that have ended, and those that are open.</p>""")
            : Markup.Empty;
        return Markup.Of($"""<ul class="hd-chips" aria-label="Counts">{chips}</ul>{bound}""");
    }
}
