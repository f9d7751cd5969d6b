using Hangfire;
using Heimdall.Core.Database;
using Heimdall.Core.Queue.Storage;

namespace Heimdall.Core.Queue;

/// <summary>Makes Hangfire's tables when a process starts, under the lock of the migrations.</summary>
internal sealed class QueueInstallation(QueueStorage storages, JobStorage storage) : IStorePreparation
{
    public bool MakesTables => true;

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        storages.Install();
        if (storage is EntryStorage entries)
        {
            await entries.LookAtSchemaAsync(cancellationToken);
        }
    }
}
