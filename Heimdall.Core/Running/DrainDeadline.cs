using Heimdall.Core.Configuration;
using Microsoft.Extensions.Hosting;

namespace Heimdall.Core.Running;

/// <summary>
/// Says when the jobs of this process must stop: when the drain time is over after it was told to stop, or when it was told twice. Nothing
/// else does; the queue gives its own tokens up for other reasons too, such as that another worker had fetched the same job.
/// </summary>
internal sealed class DrainDeadline : IDisposable
{
    private readonly CancellationTokenSource _passed;

    public DrainDeadline(UrgentStop urgent, HeimdallConfig config, IHostApplicationLifetime lifetime)
    {
        _passed = CancellationTokenSource.CreateLinkedTokenSource(urgent.Token);
        lifetime.ApplicationStopping.Register(() => _passed.CancelAfter(config.Worker.DrainTimeout));
    }

    public CancellationToken Token => _passed.Token;

    public void Dispose() => _passed.Dispose();
}
