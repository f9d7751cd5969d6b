using Hangfire;
using Hangfire.Client;
using Hangfire.Common;
using Heimdall.Core.Queue.Storage;

namespace Heimdall.Core.Queue;

/// <summary>Hangfire clients that obey Heimdall's filters; the dashboard's buttons use them too.</summary>
public sealed class BackgroundJobClientFactory(JobStorage storage, IJobFilterProvider filters) : IBackgroundJobClientFactory
{
    public IBackgroundJobClient Create() => GetClient(storage);

    internal IBackgroundJobClient Create(JobStorage on) => GetClient(on);

    public IBackgroundJobClient GetClient(JobStorage storage) =>
        new BackgroundJobClient(storage, new BackgroundJobFactory(filters), new RepeatingStateChanger(filters));
}
