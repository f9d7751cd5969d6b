namespace Heimdall.Core.Plugins;

/// <summary>What the session of a running job does at this moment, as its server tells. What the server does not tell is absent.</summary>
public sealed record SessionActivity
{
    /// <summary>The process id of its backend.</summary>
    public required int Pid { get; init; }

    /// <summary><c>active</c>, <c>idle in transaction</c> and the like.</summary>
    public string? State { get; init; }

    /// <summary>What it waits for, as <c>Lock: transactionid</c>; null while it works.</summary>
    public string? WaitEvent { get; init; }

    public DateTime? TransactionStartedAt { get; init; }

    public DateTime? StatementStartedAt { get; init; }

    /// <summary>The sessions whose locks it waits for.</summary>
    public IReadOnlyList<BlockingSession> BlockedBy { get; init; } = [];
}

/// <summary>A session that holds, or is ahead in the line for, a lock that a job waits for. Not its SQL: that is somebody else's.</summary>
public sealed record BlockingSession
{
    /// <summary>The process id of its backend; 0 for a prepared transaction, which has none.</summary>
    public required int Pid { get; init; }

    public string? User { get; init; }

    public string? Application { get; init; }

    public string? State { get; init; }

    public DateTime? TransactionStartedAt { get; init; }

    /// <summary>The job that it runs, if it is one of Heimdall's.</summary>
    public Guid? JobId { get; init; }
}
