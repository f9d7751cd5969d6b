namespace Heimdall.Core.Jobs.Figures;

/// <summary>The newest few jobs of each part of a time, from which the rest is estimated.</summary>
/// <param name="From">When the first part begins.</param>
/// <param name="Step">How long each is.</param>
/// <param name="Parts">How many there are.</param>
/// <param name="Each">How many jobs of each were read at most.</param>
/// <param name="Until">When it was read: the last part may go on.</param>
/// <param name="Jobs">Those jobs.</param>
public sealed record JobSample(
    DateTime From, TimeSpan Step, int Parts, int Each, DateTime Until, IReadOnlyList<SampledJob> Jobs)
{
    /// <summary>False when every job of the time was read, so that nothing is estimated.</summary>
    public bool IsPartial { get; } = Jobs.GroupBy(job => job.Part).Any(part => part.Count() >= Each);

    /// <summary>
    /// For how many jobs each job of a part stands. A part that has more than were read had them at the pace of those
    /// that were read, which are its newest.
    /// </summary>
    public IReadOnlyDictionary<int, double> Weights { get; } = Jobs.GroupBy(job => job.Part).ToDictionary(
        part => part.Key,
        part =>
        {
            if (part.Count() < Each)
            {
                return 1.0;
            }
            var begin = From + part.Key * Step;
            var end = begin + Step < Until ? begin + Step : Until;
            var covered = Math.Clamp((end - part.Min(job => job.At)) / (end - begin), 0.0001, 1);
            return 1 / covered;
        });

    /// <summary>How many jobs there were, of a status if one is given.</summary>
    public double Count(Func<SampledJob, bool> which) => Jobs.Where(which).Sum(job => Weights[job.Part]);

    /// <summary>The time that a share of the jobs took at most; null where there are none.</summary>
    public TimeSpan? Percentile(double share, Func<SampledJob, TimeSpan?> timeOf)
    {
        var times = Jobs.Select(job => (Time: timeOf(job), Weight: Weights[job.Part]))
            .Where(one => one.Time is not null).OrderBy(one => one.Time).ToList();
        var wanted = share * times.Sum(one => one.Weight);
        var passed = 0.0;
        foreach (var (time, weight) in times)
        {
            passed += weight;
            if (passed >= wanted)
            {
                return time;
            }
        }
        return times.Count == 0 ? null : times[^1].Time;
    }
}

/// <summary>A job of a sample.</summary>
/// <param name="Part">Of the time, from 0.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Wait">From its submission to its start; null: it was never started.</param>
/// <param name="Run">From its start to its end.</param>
/// <param name="At">The moment that puts it into its part.</param>
public sealed record SampledJob(int Part, JobStatus Status, TimeSpan? Wait, TimeSpan? Run, DateTime At);

/// <summary>The jobs that match a filter, counted.</summary>
/// <param name="ByStatus">How many of each status.</param>
/// <param name="IsPartial">Whether there are more jobs than were looked at.</param>
public sealed record MatchCounts(IReadOnlyDictionary<JobStatus, long> ByStatus, bool IsPartial);

/// <summary>The jobs that wait for one cluster.</summary>
/// <param name="ClusterId">The cluster.</param>
/// <param name="Ready">Those that wait for their turn.</param>
/// <param name="Later">Those that wait for a time or for other jobs.</param>
/// <param name="Oldest">Since when the first of the ready ones waits.</param>
public sealed record WaitingFigures(string ClusterId, long Ready, long Later, DateTime? Oldest);

/// <summary>The jobs that wait.</summary>
/// <param name="ByCluster">A cluster without such jobs is absent.</param>
/// <param name="IsPartial">Whether more may wait than were looked at.</param>
public sealed record QueueFigures(IReadOnlyList<WaitingFigures> ByCluster, bool IsPartial)
{
    public long Count => ByCluster.Sum(cluster => cluster.Ready + cluster.Later);
}

/// <summary>A job that runs.</summary>
public sealed record RunningJob(
    Guid Id, string Name, string User, string ClusterId, string ClusterName, JobStatus Status, bool IsSync,
    string? Worker, int Attempt, DateTime Since, long? Statements, long? StatementsTotal);

/// <summary>Failures that look alike.</summary>
/// <param name="State">The SQLSTATE, or what kind of failure it was where there is none.</param>
/// <param name="Name">Of the jobs.</param>
/// <param name="Count">How many.</param>
/// <param name="First">When the first was seen.</param>
/// <param name="Last">When the last was seen.</param>
/// <param name="LastJob">That one.</param>
/// <param name="Error">What it said, or its beginning.</param>
/// <param name="LookedAt">How many failures were looked at for all groups.</param>
public sealed record FailureGroup(
    string? State, string Name, long Count, DateTime First, DateTime Last, Guid LastJob, string Error, long LookedAt);
