using Hangfire.Server;

namespace Heimdall.Core.Queue;

/// <summary>
/// What Hangfire calls to run a job. The runner's answer stays with the claim: <see cref="QueueFilters"/> makes a state
/// of it when Hangfire takes the job for succeeded.
/// </summary>
internal sealed class JobDelivery(ClaimedJobs claimed, IClaimedJobRunner runner) : IJobRunner
{
    public async Task RunAsync(Guid jobId, CancellationToken cancellationToken)
    {
        var claim = claimed.TryBegin(jobId) ?? throw new JobAbortedException(); // came too late: see JobClaimer
        var answer = await runner.RunAsync(claim.Job, cancellationToken);
        switch (answer.Answer)
        {
            case QueueAnswer.BelongsToAnother:
                throw new JobAbortedException(); // Hangfire leaves the state of its entry alone
            case QueueAnswer.HandedBack:
                cancellationToken.ThrowIfCancellationRequested(); // Hangfire takes it back by itself
                break;
        }
        claim.Answer = answer;
    }
}
