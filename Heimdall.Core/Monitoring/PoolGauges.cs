using System.Diagnostics.Metrics;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// How this process's pools of connections are used, as Npgsql counts them. Not by Npgsql's own names: it calls a pool
/// that has none by its connection string, as Hangfire's listeners have it.
/// </summary>
internal sealed class PoolGauges : IDisposable
{
    private const string OfPool = "heimdall.pool";
    private const string OfState = "heimdall.pool.state";
    private const string Others = "other";

    private static readonly string[] OurPools = ["heimdall ", "cluster "];

    private readonly MeterListener _npgsql = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Pool, string State), long> _connections = [];
    private readonly Dictionary<string, long> _limits = [];
    private readonly Dictionary<string, long> _waiting = [];
    private bool _isListening;

    public PoolGauges(Meter meter)
    {
        _npgsql.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Npgsql" && Find(instrument.Name) is not null)
            {
                listener.EnableMeasurementEvents(instrument, instrument.Name);
            }
        };
        _npgsql.SetMeasurementEventCallback<int>((_, value, tags, name) => Add((string)name!, value, tags));
        meter.CreateObservableGauge(
            "heimdall.pool.connections",
            () => Look(() => _connections.Select(one => new Measurement<long>(
                one.Value, new(OfPool, one.Key.Pool), new(OfState, one.Key.State)))),
            "{connection}", "Connections of each pool of this process, by state.");
        meter.CreateObservableGauge(
            "heimdall.pool.limit", () => Look(() => OfPools(_limits)), "{connection}",
            "How many connections each pool may have.");
        meter.CreateObservableGauge(
            "heimdall.pool.waiting",
            () => Look(() => OfPools(_limits.Keys.ToDictionary(
                pool => pool, pool => Math.Max(0, _waiting.GetValueOrDefault(pool))))),
            "{request}", "What waits for a connection of each pool.");
    }

    public void Dispose() => _npgsql.Dispose();

    private static IEnumerable<Measurement<long>> OfPools(Dictionary<string, long> values) =>
        values.Select(one => new Measurement<long>(one.Value, new KeyValuePair<string, object?>(OfPool, one.Key)));

    /// <summary>Nothing is listened to before somebody looks.</summary>
    private Measurement<long>[] Look(Func<IEnumerable<Measurement<long>>> read)
    {
        lock (_lock)
        {
            if (!_isListening)
            {
                _isListening = true;
                _npgsql.Start();
            }
            _connections.Clear();
            _limits.Clear();
            _npgsql.RecordObservableInstruments();
            return [.. read()];
        }
    }

    private void Add(string name, int value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var (pool, state) = (Others, "");
        foreach (var (key, tag) in tags)
        {
            if (key == "db.client.connection.pool.name" && tag is string found && OurPools.Any(found.StartsWith))
            {
                pool = found;
            }
            else if (key == "db.client.connection.state")
            {
                state = tag as string ?? "";
            }
        }
        lock (_lock)
        {
            switch (Find(name))
            {
                case PoolCount.Connections:
                    _connections[(pool, state)] = _connections.GetValueOrDefault((pool, state)) + value;
                    break;
                case PoolCount.Limit:
                    _limits[pool] = _limits.GetValueOrDefault(pool) + value;
                    break;
                case PoolCount.Waiting:
                    _waiting[pool] = _waiting.GetValueOrDefault(pool) + value;
                    break;
            }
        }
    }

    private static PoolCount? Find(string name) => name switch
    {
        "db.client.connection.count" => PoolCount.Connections,
        "db.client.connection.max" => PoolCount.Limit,
        "db.client.connection.npgsql.pending_requests" => PoolCount.Waiting,
        _ => null,
    };

    private enum PoolCount
    {
        Connections,
        Limit,
        Waiting,
    }
}
