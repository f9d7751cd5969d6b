using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results.Chunks;

/// <summary>Stores the chunks of one result in their order. When it was not finished, it leaves nothing behind if it can.</summary>
internal interface IChunkWriter : IAsyncDisposable
{
    /// <exception cref="AttemptLostException">A newer attempt has the job.</exception>
    /// <exception cref="JobFailedException">There is no room, or the place does not work.</exception>
    Task AddAsync(long firstRow, int rows, ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Returns when all that was added would survive a power cut.</summary>
    /// <exception cref="JobFailedException">There is no room, or the place does not work.</exception>
    Task FinishAsync(CancellationToken cancellationToken);
}
