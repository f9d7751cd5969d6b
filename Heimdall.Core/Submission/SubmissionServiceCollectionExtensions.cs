using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Submission;

public static class SubmissionServiceCollectionExtensions
{
    /// <summary>Taking jobs in and stopping them.</summary>
    public static IServiceCollection AddJobSubmission(this IServiceCollection services)
    {
        services.AddSingleton<QueueDepths>();
        services.AddSingleton(provider => new JobIds(provider.GetRequiredService<StoreClock>()));
        services.AddSingleton<JobSubmitter>();
        services.AddSingleton<JobResolver>();
        services.AddSingleton<JobPreviewer>();
        services.AddSingleton<JobCanceller>();
        services.AddSingleton<JobApprover>();
        services.AddSingleton<JobContents>();
        services.AddSingleton<JobRetrier>();
        return services;
    }
}
