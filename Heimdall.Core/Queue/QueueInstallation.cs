using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>Makes Hangfire's tables when a process starts, under the lock of the migrations.</summary>
internal sealed class QueueInstallation(QueueStorage storage) : IStorePreparation
{
    public Task PrepareAsync(CancellationToken cancellationToken)
    {
        storage.Install();
        return Task.CompletedTask;
    }
}
