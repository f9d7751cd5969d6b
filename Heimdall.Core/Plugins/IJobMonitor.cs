namespace Heimdall.Core.Plugins;

/// <summary>What a running job tells of itself. Calls are cheap: what is told is passed on in batches.</summary>
public interface IJobMonitor
{
    /// <summary>Replaces what was last known of the job's progress.</summary>
    void Report(JobProgress progress);

    /// <summary>False once the run log is full: then its lines need not be made.</summary>
    bool WantsStdout { get; }

    /// <summary>Adds a line to the run log: what was done.</summary>
    void Stdout(string line);

    /// <summary>Adds a line to the job's notices and errors.</summary>
    void Stderr(string line);

    /// <summary>
    /// Stores, durably and before it returns, what <see cref="IPlugin.FindFateAsync"/> will need if this process dies.
    /// </summary>
    /// <exception cref="AttemptLostException">Another attempt has taken the job over.</exception>
    /// <exception cref="OperationCanceledException">The job is being cancelled; the token of the run has fired.</exception>
    Task RecordEvidenceAsync(string evidence, CancellationToken cancellationToken);

    /// <summary>Makes sure, in the moment before a commit, that the job still belongs to this attempt.</summary>
    /// <exception cref="AttemptLostException">Another attempt has taken the job over: roll back.</exception>
    /// <exception cref="OperationCanceledException">The job is being cancelled, and the token of the run has fired: roll back.</exception>
    Task ConfirmAsync(CancellationToken cancellationToken);
}
