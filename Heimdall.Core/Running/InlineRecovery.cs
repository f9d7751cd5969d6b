using System.Collections.Concurrent;
using System.Transactions;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// Records the ends of inline queries whose process died. The keeper announces that there are some. Each process looks
/// for those on clusters that its own configuration has: it can ask there what became of a query.
/// </summary>
internal sealed partial class InlineRecovery : BackgroundService
{
    /// <summary>So many leases after the last one a query is ended whose cluster no process has.</summary>
    private const int LeasesOfOthers = 10;

    private readonly ConcurrentDictionary<Guid, bool> _recovering = new();
    private readonly SemaphoreSlim _announced = new(0, 1);
    private readonly JobClaims _claims;
    private readonly IInlineRunner _runner;
    private readonly Leases _leases;
    private readonly ClusterContexts _contexts;
    private readonly StoreNotifications _notifications;
    private readonly StoreReadiness _readiness;
    private readonly TimeSpan _lease;
    private readonly ILogger<InlineRecovery> _logger;

    public InlineRecovery(
        JobClaims claims, IInlineRunner runner, Leases leases, ClusterContexts contexts,
        StoreNotifications notifications, StoreReadiness readiness, HeimdallConfig config,
        ILogger<InlineRecovery> logger)
    {
        _claims = claims;
        _runner = runner;
        _leases = leases;
        _contexts = contexts;
        _notifications = notifications;
        _readiness = readiness;
        _lease = config.Worker.Lease;
        _logger = logger;
        notifications.Listen(JobClaims.DeadInlineChannel, OnAnnounced);
    }

    public override void Dispose()
    {
        _announced.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _readiness.WaitAsync(stoppingToken);
        while (true)
        {
            await _announced.WaitAsync(stoppingToken);
            try
            {
                await RecoverAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogPostponed(exception.Message); // the keeper announces them again
            }
        }
    }

    /// <summary>Not waited for: one whose cluster is down takes as long as that.</summary>
    private async Task RecoverAsync(CancellationToken cancellationToken)
    {
        if (_notifications.HasBeenAway(within: _lease))
        {
            return; // others may not have been able to say that they live
        }
        foreach (var id in await _claims.FindDeadInlineAsync(
            _lease, [.. _contexts.Ids], LeasesOfOthers * _lease, cancellationToken))
        {
            // What runs here is late with its lease, as after a stall of this process, and renews it in this moment.
            if (!_leases.Holds(id) && _recovering.TryAdd(id, true))
            {
                _ = RecoverAsync(id, cancellationToken);
            }
        }
    }

    private async Task RecoverAsync(Guid id, CancellationToken cancellationToken)
    {
        try
        {
            await _runner.RecoverAsync(id, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogPostponed(exception.Message); // the keeper announces it again
        }
        catch (Exception exception)
            when (exception is OperationCanceledException or NpgsqlException or TransactionException)
        {
            // The next process looks after it.
        }
        finally
        {
            _recovering.TryRemove(id, out _);
        }
    }

    private void OnAnnounced(string payload)
    {
        lock (_announced)
        {
            if (_announced.CurrentCount == 0)
            {
                _announced.Release();
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The ends of inline queries of a process that died are recorded later: {Reason}")]
    private partial void LogPostponed(string reason);
}
