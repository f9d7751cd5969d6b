using System.Text.Json.Nodes;

namespace Heimdall.Core.Plugins;

/// <summary>
/// Knows how to run the jobs of one kind of cluster. One instance serves the whole process and many jobs at once;
/// whatever belongs to one job is passed as an argument. A plugin that passes <c>PluginContract</c> in the tests is done.
/// </summary>
public interface IPlugin
{
    /// <summary>The word that commands write after <c>plugin:</c>. Lower case.</summary>
    string Name { get; }

    /// <summary>
    /// The fields of a job's context, for the OpenAPI document. Empty: it describes the context as any object.
    /// </summary>
    IReadOnlyList<ContextField> JobFields => [];

    /// <summary>Checks the <c>context</c> of a cluster when the configuration is read or edited. Reports every problem and throws nothing.</summary>
    IEnumerable<ContextProblem> CheckCluster(JsonObject clusterContext);

    /// <summary>The same of a cluster that somebody sends: it must use nothing of this machine.</summary>
    IEnumerable<ContextProblem> CheckPutCluster(JsonObject clusterContext) => CheckCluster(clusterContext);

    /// <summary>Whether a field of a cluster's context is shown to nobody. A plugin says what may be shown.</summary>
    bool IsSecret(string clusterField) => true;

    /// <summary>Checks the <c>context</c> of a command (defaults and ceilings). Reports every problem and throws nothing.</summary>
    IEnumerable<ContextProblem> CheckCommand(JsonObject commandContext);

    /// <summary>
    /// Reads a job's context against its command's and its cluster's, before the job is recorded. What the context
    /// names (a script) must be there.
    /// </summary>
    /// <param name="commandContext">Defaults and ceilings.</param>
    /// <param name="jobContext">What the caller asked for.</param>
    /// <param name="clusterContext">Ceilings; its references to secrets may stand unresolved. Null where it is not known.</param>
    /// <exception cref="JobRefusedException">The context is not one this plugin can run; it names every field that is wrong.</exception>
    JobPlan Plan(JsonObject commandContext, JsonObject jobContext, JsonObject? clusterContext = null);

    /// <summary>
    /// Plans a recorded job once more, before it runs: its command may have changed. The run itself opens what the
    /// context names.
    /// </summary>
    /// <exception cref="JobRefusedException">The context is no longer one this plugin can run.</exception>
    JobPlan PlanRun(JsonObject commandContext, JsonObject jobContext, JsonObject? clusterContext) =>
        Plan(commandContext, jobContext, clusterContext);

    /// <summary>
    /// Says what a job would do without doing any of it: nothing takes effect, and nothing of the question is left in the cluster.
    /// What can be told without the cluster is told without it. The caller bounds the time by the token.
    /// </summary>
    /// <exception cref="JobRefusedException">The context is not one this plugin can run.</exception>
    /// <exception cref="JobFailedException">The job would fail; the exception says how and where, as that of the run would.</exception>
    /// <exception cref="OperationCanceledException">The token fired, and nothing of the question runs in the cluster any more.</exception>
    Task<JobPreview> PreviewAsync(PluginJob job, CancellationToken cancellationToken);

    /// <summary>Runs a job to its end.</summary>
    /// <returns>What was done, as last reported to <see cref="IJobMonitor.Report"/>.</returns>
    /// <exception cref="JobFailedException">The job failed; the exception says how and where.</exception>
    /// <exception cref="OperationCanceledException">
    /// The token fired and the work has stopped: nothing of it runs in the database any more, and nothing was committed.
    /// A job that had already taken effect when the token fired returns normally instead.
    /// </exception>
    /// <exception cref="JobInterruptedException">The token fired and the work has stopped, but a part of it was committed before.</exception>
    Task<JobProgress> RunAsync(PluginJob job, IJobMonitor monitor, CancellationToken cancellationToken);

    /// <summary>
    /// Finds out what became of an attempt whose process died, from the evidence it left (<see cref="IJobMonitor.RecordEvidenceAsync"/>).
    /// Before it answers, nothing of that attempt runs in the database any more.
    /// </summary>
    /// <param name="job">The job, as the dead attempt ran it.</param>
    /// <param name="evidence">What the attempt recorded, or null if it died before it recorded anything.</param>
    /// <param name="cancellationToken">Fires when this process must stop.</param>
    /// <exception cref="JobFailedException">The cluster cannot be asked now: ask again later.</exception>
    Task<AttemptFate> FindFateAsync(PluginJob job, string? evidence, CancellationToken cancellationToken);

    /// <summary>Where an attempt ran that left this evidence, as far as the plugin can tell. Throws nothing.</summary>
    AttemptSession? FindSession(string evidence) => null;

    /// <summary>Looks at what a running job does in the cluster. The caller bounds the time by the token.</summary>
    /// <param name="job">The job.</param>
    /// <param name="evidence">What its attempt has recorded so far; null if nothing.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>Null when the cluster has no session of it, or the plugin cannot tell.</returns>
    /// <exception cref="JobFailedException">The cluster cannot be asked now; the message is safe to show.</exception>
    Task<SessionActivity?> FindActivityAsync(PluginJob job, string? evidence, CancellationToken cancellationToken) => Task.FromResult<SessionActivity?>(null);

    /// <summary>Reads a script to see whether a batch can be gone on with at a statement. Asks no cluster.</summary>
    /// <returns>Why not, as a sentence; null when it can.</returns>
    /// <exception cref="JobRefusedException">The context is not one this plugin can run.</exception>
    Task<string?> FindResumeProblemAsync(JsonObject commandContext, JsonObject jobContext, ResumePoint resume, CancellationToken cancellationToken) =>
        Task.FromResult<string?>($"The plugin '{Name}' cannot begin in the middle of a job.");

    /// <summary>
    /// Says what a job would run, so that it can be approved: <see cref="PluginJob.Approved"/> of its run is the same.
    /// Asks no cluster.
    /// </summary>
    /// <exception cref="JobRefusedException">
    /// The context is not one this plugin can run, or what it names cannot be approved.
    /// </exception>
    Task<JobContent> FindContentAsync(
        JsonObject commandContext, JsonObject jobContext, CancellationToken cancellationToken) =>
        Task.FromException<JobContent>(new JobRefusedException(
            "query", $"cannot be approved: the plugin '{Name}' cannot tell whether it changes until it runs."));

    /// <summary>Asks a cluster whether it answers. The caller bounds the time by the token.</summary>
    /// <returns>What its operator should know of it, in sentences that are safe to show; none for most.</returns>
    /// <exception cref="JobFailedException">The cluster cannot be used; the message is safe to show.</exception>
    Task<IReadOnlyList<string>> ProbeAsync(PluginCluster cluster, CancellationToken cancellationToken);
}
