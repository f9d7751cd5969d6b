using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Heimdall.Core.Telemetry;

namespace Heimdall.Tests.Monitoring;

/// <summary>Reads Heimdall's meters of this process, those of hosts of other tests too: tags tell them apart.</summary>
internal sealed class MeterReading : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, Instrument> _instruments = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<(string Name, double Value, Dictionary<string, string> Tags)> _values = [];

    /// <param name="isWanted">Of which meters.</param>
    public MeterReading(Func<Meter, bool>? isWanted = null)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == HeimdallTelemetry.Name && isWanted?.Invoke(instrument.Meter) != false)
            {
                _instruments[instrument.Name] = instrument;
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public IEnumerable<Instrument> Instruments => _instruments.Values;

    /// <summary>The sum of all that a counter has counted with these tags.</summary>
    public double Sum(string name, params (string Key, string Value)[] tags) => Of(name, tags).Sum();

    /// <summary>How many measurements there were with these tags.</summary>
    public int Count(string name, params (string Key, string Value)[] tags) => Of(name, tags).Count();

    /// <summary>What a gauge shows now; null when it shows nothing.</summary>
    public double? Look(string name, params (string Key, string Value)[] tags)
    {
        _values.Clear();
        _listener.RecordObservableInstruments();
        return Of(name, tags).Cast<double?>().FirstOrDefault();
    }

    public void Dispose() => _listener.Dispose();

    private IEnumerable<double> Of(string name, (string Key, string Value)[] tags) => _values
        .Where(one => one.Name == name && tags.All(tag => one.Tags.GetValueOrDefault(tag.Key) == tag.Value))
        .Select(one => one.Value);

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, tag) in tags)
        {
            found[key] = tag?.ToString() ?? "";
        }
        _values.Add((instrument.Name, value, found));
    }
}
