using System.Diagnostics;
using Heimdall.Core.Jobs;
using Heimdall.Core.Telemetry;

namespace Heimdall.Core.Running;

/// <summary>An attempt's part of the trace in which its job was submitted. Empty where nobody traces.</summary>
internal readonly struct RunActivity : IDisposable
{
    private readonly Activity? _activity;

    private RunActivity(Activity? activity, string? traceparent) => (_activity, Traceparent) = (activity, traceparent);

    /// <summary>What the attempt does belongs there; null where its job has no trace.</summary>
    public string? Traceparent { get; }

    public static RunActivity Start(Job job)
    {
        if (!HeimdallTelemetry.Activities.HasListeners())
        {
            return new RunActivity(activity: null, job.Traceparent);
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
        return new RunActivity(activity, activity is { Recorded: true } ? activity.Id : job.Traceparent);
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

    public void Dispose() => _activity?.Dispose();
}
