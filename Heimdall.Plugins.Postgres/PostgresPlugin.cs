using System.Text.Json.Nodes;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Batches;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Previews;
using Heimdall.Plugins.Postgres.Queries;

namespace Heimdall.Plugins.Postgres;

/// <summary>Runs SQL on PostgreSQL. <see cref="ServerVersions"/> says which.</summary>
/// <param name="connections">To clusters.</param>
/// <param name="directory">Of scripts.</param>
/// <param name="clock">By which windows for DDL open and close.</param>
internal sealed class PostgresPlugin(ClusterConnections connections, ScriptFolder directory, TimeProvider clock)
    : IPlugin
{
    /// <summary>How many sessions a query takes from the pool until it finds one that has not ended there.</summary>
    private const int MostSessions = 3;

    public string Name => "postgres";

    public IReadOnlyList<ContextField> JobFields { get; } = JobSettings.FindFields();

    public IEnumerable<ContextProblem> CheckCluster(JsonObject clusterContext) => ClusterSettings.Check(clusterContext);

    public IEnumerable<ContextProblem> CheckPutCluster(JsonObject clusterContext) =>
        ClusterSettings.Check(clusterContext, isPut: true);

    public bool IsSecret(string clusterField) => !ClusterSettings.MayShow(clusterField);

    public IEnumerable<ContextProblem> CheckCommand(JsonObject commandContext) =>
        CommandSettings.Read(commandContext).Problems;

    public JobPlan Plan(JsonObject commandContext, JsonObject jobContext, JsonObject? clusterContext = null)
    {
        var plan = PlanRun(commandContext, jobContext, clusterContext);
        if (!plan.ReturnResult)
        {
            var settings = ((PostgresPlan)plan).Settings;
            ScriptStream.Open(settings.Query, directory, settings.Pin).Dispose();
        }

        return plan;
    }

    public JobPlan PlanRun(JsonObject commandContext, JsonObject jobContext, JsonObject? clusterContext)
    {
        var settings = Read(
            commandContext, jobContext, clusterContext is null ? null : ClusterSettings.MaxTimeoutOf(clusterContext));
        var plan =
            new PostgresPlan { ReturnResult = settings.ReturnResult, Timeout = settings.Timeout, Settings = settings };
        if (settings.ReturnResult)
        {
            var query = QueryText.Read(settings, directory);
            return plan with { Query = query, OnlyReads = query.LooksReadOnly || settings.ReadOnly };
        }

        return plan;
    }

    public async Task<JobPreview> PreviewAsync(PluginJob job, CancellationToken cancellationToken)
    {
        var context = Read(
            job.CommandContext, job.Context, ClusterSettings.MaxTimeoutOf(job.TargetCluster.Context));
        var query = context.ReturnResult ? QueryText.Read(context, directory) : null;
        await using var script = ScriptStream.Open(context.Query, directory, context.Pin);
        await using var files = new ScriptFiles(directory, context.Pin);
        await using var lease = connections.Rent(job.TargetCluster);
        var preview = await ScriptPreview.ReadAsync(
            script, context, files, ScriptReading.PlaceOf(lease.Pool), cancellationToken);
        await LoginPowers.RefuseAsync(job.TargetCluster, lease.Pool, cancellationToken);
        return query is not null && QueryExplanation.IsPossible(query)
            ? preview with { Plan = await ExplainAsync(job, context, query, preview, cancellationToken) }
            : preview;
    }

    public async Task<JobProgress> RunAsync(PluginJob job, IJobMonitor monitor, CancellationToken cancellationToken)
    {
        try
        {
            var plan = job.Plan as PostgresPlan
                ?? (PostgresPlan)PlanRun(job.CommandContext, job.Context, job.TargetCluster.Context);
            var settings = plan.Settings;
            var query = plan.Query;
            if (job.Approved is { } approved && settings.Pin is null)
            {
                settings = settings with { Pin = ScriptPin.Of(approved) };
                query = query is null ? null : QueryText.Read(settings, directory);
            }

            return query is not null
                ? await RunQueryAsync(job, settings, query, monitor, cancellationToken)
                : await RunBatchAsync(job, settings, monitor, cancellationToken);
        }
        catch (JobRefusedException e)
        {
            // It was fine when the job was recorded: a script has gone since, or the command was edited.
            throw new JobFailedException(JobFailureKind.Refused, e.Message, e);
        }
    }

    public async Task<AttemptFate> FindFateAsync(PluginJob job, string? evidence, CancellationToken cancellationToken)
    {
        var mayHaveWritten = JobSettings.IsWritingQuery(job.CommandContext, job.Context);
        var recorded = evidence is null ? null : CommitEvidence.FromJson(evidence);
        await using var lease = connections.Rent(job.TargetCluster);
        AttemptFate fate;
        try
        {
            fate = await ControlQuestion.AskAsync(
                lease.Pool.OpenControlAsync,
                lease.Pool.RenewControl,
                control => CommitResolver.ResolveAsync(
                    control, SessionSettings.ApplicationNameOf(job.Id, job.Attempt), recorded, cancellationToken),
                cancellationToken);
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(PostgresErrors.CannotConnect(e), e);
        }

        // Inline queries leave no evidence. That of a query that commits by itself says only that it may have started.
        var isBlind = job.IsInline || recorded is { Xid: null, CommitsOnRecord: false };
        var isUnknowable = (mayHaveWritten && isBlind) || (evidence is not null && recorded is null);
        return isUnknowable ? AttemptFate.Unknown : fate;
    }

    public AttemptSession? FindSession(string evidence) =>
        CommitEvidence.FromJson(evidence) is { } recorded ? new AttemptSession(recorded.Pid, recorded.Xid) : null;

    public async Task<SessionActivity?> FindActivityAsync(
        PluginJob job, string? evidence, CancellationToken cancellationToken)
    {
        var backend = evidence is null ? null : CommitEvidence.FromJson(evidence)?.Backend;
        await using var lease = connections.Rent(job.TargetCluster);
        try
        {
            await using var control = await lease.Pool.OpenControlAsync(cancellationToken);
            return await BackendActivity.FindAsync(
                control, SessionSettings.ApplicationNameOf(job.Id, job.Attempt), backend, cancellationToken);
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(PostgresErrors.CannotConnect(e), e);
        }
    }

    public async Task<string?> FindResumeProblemAsync(
        JsonObject commandContext, JsonObject jobContext, ResumePoint resume, CancellationToken cancellationToken)
    {
        var settings = Read(commandContext, jobContext);
        if (settings.ReturnResult || settings.Transaction == TransactionMode.Single)
        {
            return "Only a batch with transaction: none can be resumed; this job runs as a whole.";
        }

        await using var script = ScriptStream.Open(settings.Query, directory, settings.Pin);
        await using var files = new ScriptFiles(directory, settings.Pin);
        try
        {
            return await ScriptPreview.FindResumeProblemAsync(script, settings, files, resume, cancellationToken);
        }
        catch (JobFailedException e)
        {
            return e.Message;
        }
    }

    public async Task<JobContent> FindContentAsync(
        JsonObject commandContext, JsonObject jobContext, CancellationToken cancellationToken)
    {
        var settings = Read(commandContext, jobContext);
        await using var script = ScriptStream.Open(settings.Query, directory, settings.Pin);
        if (script.Length > ScriptPin.MostBytes)
        {
            throw new JobRefusedException("query", ScriptFiles.TooLong);
        }

        await using var files = new ScriptFiles(directory, settings.Pin)
        {
            MostBytes = ScriptPin.MostBytes - script.Length,
        };
        try
        {
            if (settings.ReturnResult)
            {
                return new JobContent(await script.HashAheadAsync(cancellationToken)); // it reads no file
            }

            await ScriptCheck.RunAsync(
                script, settings, files, place: null, standardStrings: true, resumption: null, cancellationToken);
        }
        catch (JobFailedException e)
        {
            throw new JobRefusedException("query", e.Message);
        }

        // Where it is not sure how strings are read, the check leaves such a problem to the run.
        return files.AreTooLong
            ? throw new JobRefusedException("query", ScriptFiles.TooLong)
            : new JobContent(script.Sha256, files.Hashes);
    }

    public async Task<IReadOnlyList<string>> ProbeAsync(PluginCluster cluster, CancellationToken cancellationToken)
    {
        await using var lease = connections.Rent(cluster);
        return await LoginPowers.FindAsync(lease.Pool, cancellationToken);
    }

    private JobSettings Read(JsonObject commandContext, JsonObject jobContext, TimeSpan? clusterMaxTimeout = null)
    {
        var settings = JobSettings.Read(commandContext, jobContext, clusterMaxTimeout);
        return settings.Rules?.DdlWindows is { } windows
            ? settings with { Rules = settings.Rules with { DdlWindows = windows.By(clock) } }
            : settings;
    }

    private async Task<string?> ExplainAsync(
        PluginJob job, JobSettings context, QueryText query, JobPreview preview, CancellationToken cancellationToken)
    {
        var readOnly = context with { ReadOnly = true, RowLimit = null, ByteLimit = null };
        await using var lease = connections.Rent(job.TargetCluster);
        await using var session = await ClusterSession.OpenAsync(
            lease.Pool, SessionUse.Query, context.Timeout, cancellationToken);
        return await new QueryExplanation(query, preview.Statements[0]).RunAsync(
            session, SessionSettings.For(job, readOnly), readOnly, cancellationToken);
    }

    private async Task<JobProgress> RunQueryAsync(
        PluginJob job, JobSettings context, QueryText query, IJobMonitor monitor, CancellationToken cancellationToken)
    {
        var results = job.Results
            ?? throw new ArgumentException("A job that returns rows needs somewhere to write them.", nameof(job));
        await using var lease = connections.Rent(job.TargetCluster);
        await LoginPowers.RefuseAsync(job.TargetCluster, lease.Pool, cancellationToken);
        for (var tries = 1; ; tries++)
        {
            // What commits by itself is no one transaction by which recovery would know it in a session of the pool.
            var use = job.IsInline || query.IsTransactional || context.ReadOnly ? SessionUse.Query : SessionUse.Script;
            await using var session = await ClusterSession.OpenAsync(
                lease.Pool, use, context.Timeout, cancellationToken);
            session.Protocol.StatementComment = TraceComment.Of(job.Traceparent);
            var hasStandardStrings = session.Protocol.StandardConformingStrings;
            if ((query.HasStandardStrings ?? hasStandardStrings) != hasStandardStrings)
            {
                query = QueryText.Read(context, directory, hasStandardStrings);
            }

            if (session.SharesBackends)
            {
                RefuseWhatOutlives(query, context);
            }

            var record = job.IsInline
                ? null
                : new QueryRecord(session, job.Id, results, monitor, ReceiptsOf(job, lease.Pool));
            var run = new QueryRun(session, SessionSettings.For(job, context), context, query, results, monitor)
            {
                Record = record,
                PauseDeadline = job.PauseDeadline,
            };
            try
            {
                return await run.RunAsync(cancellationToken);
            }
            catch (JobFailedException) when (run.FoundSessionEnded && tries < MostSessions)
            {
                lease.Pool.Renew(use); // the others are as old
            }
        }
    }

    private static void RefuseWhatOutlives(QueryText query, JobSettings context)
    {
        var refusal = query switch
        {
            { IsTransactional: false } when !context.ReadOnly =>
                $"{query.Tag} commits by itself, and needs a session of its own. {SharedBackendRules.Advice}",
            { OutlivesTransaction: { } what } => SharedBackendRules.Refuse(what),
            _ => null,
        };
        if (refusal is not null)
        {
            throw new JobFailedException(JobFailureKind.Refused, refusal);
        }
    }

    private async Task<JobProgress> RunBatchAsync(
        PluginJob job, JobSettings context, IJobMonitor monitor, CancellationToken cancellationToken)
    {
        await using var script = ScriptStream.Open(context.Query, directory, context.Pin);
        await using var files = new ScriptFiles(directory, context.Pin);
        await using var lease = connections.Rent(job.TargetCluster);
        await LoginPowers.RefuseAsync(job.TargetCluster, lease.Pool, cancellationToken);
        var use = context.Transaction == TransactionMode.Single ? SessionUse.Transaction : SessionUse.Script;
        await using var session = await ClusterSession.OpenAsync(lease.Pool, use, context.Timeout, cancellationToken);
        session.Protocol.StatementComment = TraceComment.Of(job.Traceparent);
        await using var batch = new BatchRun(
            session,
            SessionSettings.For(job, context),
            script,
            files,
            context,
            job,
            monitor,
            ReceiptsOf(job, lease.Pool));
        return await batch.RunAsync(cancellationToken);
    }

    private static BatchReceipts? ReceiptsOf(PluginJob job, ClusterPool pool) =>
        ClusterSettings.HasReceipts(job.TargetCluster.Context)
            ? new BatchReceipts(pool.Receipts, job.Id, job.Attempt)
            : null;
}
