using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>The catalog as this process knows it: read again whenever any process has changed it.</summary>
public sealed partial class LiveCatalog : BackgroundService
{
    // Only a backstop: changes are announced.
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);

    private readonly CatalogStore _store;
    private readonly StoreReadiness _readiness;
    private readonly ILogger<LiveCatalog> _logger;
    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly SemaphoreSlim _loading = new(1, 1);
    private volatile CatalogSnapshot _current = CatalogSnapshot.Empty;

    public LiveCatalog(CatalogStore store, StoreNotifications notifications, StoreReadiness readiness, ILogger<LiveCatalog> logger)
    {
        _store = store;
        _readiness = readiness;
        _logger = logger;
        notifications.Listen(CatalogStore.Channel, _ => Signal());
    }

    public CatalogSnapshot Current => _current;

    /// <summary>Reads the catalog now, so that a caller sees the change it has just made.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        // One at a time: of two loads, the older could otherwise come last and stay.
        await _loading.WaitAsync(cancellationToken);
        try
        {
            _current = await _store.LoadAsync(cancellationToken);
        }
        finally
        {
            _loading.Release();
        }
    }

    public override void Dispose()
    {
        _changed.Dispose();
        _loading.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _readiness.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                await RefreshAsync(stoppingToken);
                await _changed.WaitAsync(RefreshInterval, stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogStale(exception.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), stoppingToken);
            }
        }
    }

    private void Signal()
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // A refresh is due already.
        }
    }

    [LoggerMessage(LogLevel.Warning, "Commands and clusters could not be read again: {Reason}")]
    private partial void LogStale(string reason);
}
