using System.Diagnostics;
using Heimdall.Core.Jobs;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>
/// An attempt's part of the trace in which its job was submitted, and the scope of its lines in the log. The scope has
/// the trace's id also where nothing is traced.
/// </summary>
internal readonly struct RunActivity : IDisposable
{
    private static readonly Func<ILogger, Guid, ActivityTraceId?, IDisposable?> Scope =
        LoggerMessage.DefineScope<Guid, ActivityTraceId?>("Job {JobId}, trace {JobTraceId}");

    private readonly Activity? _activity;
    private readonly IDisposable? _scope;

    private RunActivity(Job job, Activity? activity, ILogger logger)
    {
        _activity = activity;
        Traceparent = activity is { Recorded: true } ? activity.Id : job.Traceparent;
        _scope = Scope(logger, job.Id, activity?.TraceId ?? TraceContext.Parse(job.Traceparent)?.TraceId);
    }

    /// <summary>What the attempt does belongs there; null where its job has no trace.</summary>
    public string? Traceparent { get; }

    public static RunActivity Start(Job job, ILogger logger)
    {
        if (!HeimdallTelemetry.Activities.HasListeners())
        {
            return new RunActivity(job, activity: null, logger);
        }
        var name = $"run {job.CommandId}";
        var activity = job.IsSync
            ? HeimdallTelemetry.Activities.StartActivity(name) // within the request, which is the current one
            : HeimdallTelemetry.Activities.StartActivity(
                name, ActivityKind.Consumer, TraceContext.Parse(job.Traceparent) ?? default);
        activity?.SetTag("heimdall.job.id", job.Id)
            .SetTag("heimdall.job.attempt", job.Attempt)
            .SetTag(JobTags.OfCommand, job.CommandId)
            .SetTag(JobTags.OfCluster, job.ClusterId);
        return new RunActivity(job, activity, logger);
    }

    /// <summary>Says how the attempt ended. No message of an error: it can hold values of the job's rows.</summary>
    public void End(AttemptOutcome outcome)
    {
        _activity?.SetTag(JobTags.OfStatus, outcome.ToStatus()?.ToName());
        if (outcome.ToFailure() is { } failure)
        {
            _activity?.SetStatus(ActivityStatusCode.Error)
                .SetTag("error.type", failure.SqlState ?? failure.Kind.ToString());
        }
    }

    public void Dispose()
    {
        _scope?.Dispose();
        _activity?.Dispose();
    }
}
