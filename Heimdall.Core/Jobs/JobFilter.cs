namespace Heimdall.Core.Jobs;

/// <summary>Which jobs a list holds, in which order, and how many of them. A null field does not filter.</summary>
public sealed record JobFilter
{
    public Guid? Id { get; init; }

    public string? Name { get; init; }

    /// <summary>What the name begins with.</summary>
    public string? NamePrefix { get; init; }

    public string? Version { get; init; }

    public string? User { get; init; }

    public IReadOnlyList<JobStatus> Status { get; init; } = [];

    /// <summary>Id of the command.</summary>
    public string? Command { get; init; }

    /// <summary>Id of the cluster.</summary>
    public string? Cluster { get; init; }

    public string? Tag { get; init; }

    /// <summary>Id of the schedule.</summary>
    public string? ScheduleId { get; init; }

    /// <summary>Id of the job whose children they are.</summary>
    public Guid? Parent { get; init; }

    /// <summary>Words in the name, the description, the SQL or an error, in any case: <see cref="JobSearch"/> looks for them, a list does not.</summary>
    public string? Text { get; init; }

    /// <summary>Those that the caller may see.</summary>
    public JobSight Sight { get; init; } = JobSight.Everything;

    public DateTime? CreatedAfter { get; init; }

    public DateTime? CreatedBefore { get; init; }

    public JobOrder OrderBy { get; init; } = JobOrder.CreatedAt;

    public bool Descending { get; init; } = true;

    public int Limit { get; init; } = 50;

    /// <summary>Where the last page ended; null for the first page.</summary>
    public JobCursor? After { get; init; }
}

/// <summary>What a list of jobs may be ordered by. Ids break ties.</summary>
public enum JobOrder
{
    CreatedAt,
    UpdatedAt,
}

/// <summary>The last job of a page: the next page starts after it, whatever has been inserted since.</summary>
public sealed record JobCursor(JobOrder OrderBy, bool Descending, DateTime At, Guid Id);

/// <summary>One page of a list of jobs.</summary>
public sealed record JobPage(IReadOnlyList<Job> Jobs, JobCursor? Next);
