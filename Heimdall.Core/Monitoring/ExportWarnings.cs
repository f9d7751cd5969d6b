using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// Logs that the collector cannot be reached or refuses what it gets. OpenTelemetry reports that to an event source
/// only. The log has the first failure, and then at most one line a minute.
/// </summary>
internal sealed partial class ExportWarnings(ILogger<ExportWarnings> logger) : EventListener, IHostedService
{
    private const string Exporter = "OpenTelemetry-Exporter-OpenTelemetryProtocol";
    private const int LongestReason = 300;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long? _warnedAt;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == Exporter)
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventSource.Name != Exporter)
        {
            return;
        }
        lock (_lock)
        {
            if (_warnedAt is { } last && Stopwatch.GetElapsedTime(last) < Interval)
            {
                return;
            }
            _warnedAt = Stopwatch.GetTimestamp();
        }
        LogNotSent(ReasonOf(eventData));
    }

    /// <returns>One line: an exception in it has its stack behind.</returns>
    private static string ReasonOf(EventWrittenEventArgs eventData)
    {
        var text = string.Format(
            CultureInfo.InvariantCulture, eventData.Message ?? eventData.EventName ?? "", [.. eventData.Payload ?? []]);
        var line = text.ReplaceLineEndings("\n").Split('\n')[0];
        return line.Length > LongestReason ? line[..LongestReason] : line;
    }

    [LoggerMessage(LogLevel.Warning, "Metrics or traces do not reach the collector at otlp.endpoint: {Reason}")]
    private partial void LogNotSent(string reason);
}
