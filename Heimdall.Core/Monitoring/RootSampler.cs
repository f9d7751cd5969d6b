using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// Decides of the beginnings of traces. A statement to the store that belongs to no request and no job begins none: an
/// idle process sends some each second.
/// </summary>
/// <param name="percent">Of the others so many are recorded.</param>
internal sealed class RootSampler(int percent) : Sampler
{
    private readonly TraceIdRatioBasedSampler _ratio = new(percent / 100.0);

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        samplingParameters.Kind == ActivityKind.Client
            ? new SamplingResult(SamplingDecision.Drop)
            : _ratio.ShouldSample(samplingParameters);
}
