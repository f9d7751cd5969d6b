using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>A job that has been read and routed, and is not recorded yet.</summary>
/// <param name="Job">As it will be recorded.</param>
/// <param name="Plan">What its plugin read in it.</param>
public sealed record PreparedJob(Job Job, JobPlan Plan);
