using System.Diagnostics;

namespace Heimdall.Core.Database;

/// <summary>A line of the log about something that goes on: it is written when it begins or changes, and each minute.</summary>
internal sealed class RepeatedLine
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private string? _text;
    private long _writtenAt;

    /// <param name="text">What is to be said; null for nothing.</param>
    /// <returns>Whether to write it now.</returns>
    public bool IsDue(string? text)
    {
        var isDue = text is not null && (text != _text || Stopwatch.GetElapsedTime(_writtenAt) >= Interval);
        _text = text;
        _writtenAt = isDue ? Stopwatch.GetTimestamp() : _writtenAt;
        return isDue;
    }
}
